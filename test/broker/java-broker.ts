import { rmSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Broker, BrokerOptions } from './running-broker.js';
import { javaKit } from './java-kit.js';
import { JavaNode, freePorts } from './java-node.js';

/** A cluster of our own processes, its data in the system's temporary folder. */
export async function javaBroker({ nodes = 1, port, properties }: BrokerOptions): Promise<Broker> {
  const kit = await javaKit();
  const folder = await mkdtemp(join(tmpdir(), 'countersign-broker-'));
  const removeFolder = () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  process.once('exit', removeFolder);
  const ports = await freePorts(nodes, port);
  const all = ports.map((_, at) => {
    return new JavaNode(kit, join(folder, String(at + 1)), { node: at + 1, ports, properties });
  });
  const each = async (
    node: number | undefined,
    action: (node: JavaNode) => Promise<void> | void,
  ) => {
    const chosen = node === undefined ? all : all.slice(node - 1, node);
    await Promise.all(chosen.map(async (one) => action(one)));
  };
  const clean = async () => {
    await each(undefined, async (one) => one.clean());
    await rm(folder, { recursive: true, force: true });
    process.removeListener('exit', removeFolder);
  };
  try {
    await each(undefined, async (one) => one.prepare());
    await each(undefined, async (one) => one.start());
  } catch (error) {
    await clean();
    throw error;
  }
  return {
    brokers: ports.map((one) => `127.0.0.1:${one.port}`),
    replicationFactor: Math.min(3, nodes),
    kill: async (node) => each(node, async (one) => one.kill()),
    stop: async (node) => each(node, async (one) => one.stop()),
    resume: async (node) => each(node, async (one) => one.start()),
    freeze: async (node) => each(node, (one) => one.signal('SIGSTOP')),
    thaw: async (node) => each(node, (one) => one.signal('SIGCONT')),
    clean,
  };
}
