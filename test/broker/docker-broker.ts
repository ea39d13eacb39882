import { execFile, spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { Broker, BrokerOptions } from './running-broker.js';
import { freePorts } from './java-node.js';

const run = promisify(execFile);
const image = process.env['KAFKA_IMAGE'] ?? 'apache/kafka:4.1.1';
const startLimitMs = 90_000;

/** True when a Docker engine answers. */
export async function hasDocker(): Promise<boolean> {
  return run('docker', ['info', '--format', '{{.ServerVersion}}']).then(
    () => true,
    () => false,
  );
}

/** One broker in a container. A cluster needs Java: each node would have to find the others by name. */
export async function dockerBroker({
  nodes = 1,
  port,
  properties,
}: BrokerOptions): Promise<Broker> {
  if (nodes > 1)
    throw new Error('A cluster of several brokers needs Java 17 and Maven, not Docker.');
  const name = `countersign-broker-${randomUUID()}`;
  const hostPort = (await freePorts(1, port))[0]?.port ?? 0;
  const remove = () => void spawnSync('docker', ['rm', '--force', '--volumes', name]);
  process.once('exit', remove);
  const docker = async (...words: string[]) => void (await run('docker', [...words, name]));
  const clean = async () => {
    await docker('rm', '--force', '--volumes').catch(() => undefined);
    process.removeListener('exit', remove);
  };
  let starts = 0;
  const isUp = async () => {
    starts += 1;
    for (const limit = Date.now() + startLimitMs; Date.now() < limit; await pause(250)) {
      const { stdout } = await run('docker', ['logs', name]);
      if (stdout.split('Kafka Server started').length > starts) return;
    }
    throw new Error(`${image} did not start within ${startLimitMs} ms; see: docker logs ${name}`);
  };
  try {
    await run('docker', runArguments(name, hostPort, properties ?? {}));
    await isUp();
  } catch (error) {
    await clean();
    throw error;
  }
  return {
    brokers: [`127.0.0.1:${hostPort}`],
    replicationFactor: 1,
    kill: async () => docker('kill'),
    stop: async () => docker('stop'),
    resume: async () => {
      await docker('start');
      await isUp();
    },
    freeze: async () => docker('pause'),
    thaw: async () => docker('unpause'),
    clean,
  };
}

/** The set is complete on purpose: with one variable given, the image drops all its defaults. */
function runArguments(
  name: string,
  hostPort: number,
  properties: Readonly<Record<string, string>>,
): string[] {
  const settings: Record<string, string> = {
    'node.id': '1',
    'process.roles': 'broker,controller',
    'controller.quorum.voters': '1@localhost:9093',
    'controller.listener.names': 'CONTROLLER',
    listeners: `PLAINTEXT://:${hostPort},CONTROLLER://:9093`,
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${hostPort}`,
    'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT',
    'inter.broker.listener.name': 'PLAINTEXT',
    'log.dirs': '/var/lib/kafka/data',
    'auto.create.topics.enable': 'false',
    'offsets.topic.replication.factor': '1',
    'offsets.topic.num.partitions': '4',
    'transaction.state.log.replication.factor': '1',
    'transaction.state.log.min.isr': '1',
    'share.coordinator.state.topic.replication.factor': '1',
    'share.coordinator.state.topic.min.isr': '1',
    'group.initial.rebalance.delay.ms': '0',
    'group.min.session.timeout.ms': '1000',
    'broker.session.timeout.ms': '3000',
    'broker.heartbeat.interval.ms': '500',
    ...properties,
  };
  const variables = Object.entries(settings).flatMap(([property, value]) => {
    return ['--env', `KAFKA_${property.replaceAll('.', '_').toUpperCase()}=${value}`];
  });
  const published = `127.0.0.1:${hostPort}:${hostPort}`;
  return ['run', '--detach', '--name', name, '--publish', published, ...variables, image];
}
