// Proves docker-compose.yml and Dockerfile on a real engine: npm run test:compose
// A project, images, volumes and ports of its own, all removed at the end. Without an engine it says so and
// passes; with COMPOSE_REQUIRED=1 that is an error.
import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import {
  chmodSync,
  cpSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { after, before, describe, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import { demoToken } from './demo-token.mjs';
import { McpSession } from './mcp-session.mjs';

const run = promisify(execFile);
const services = ['ingress', 'policy', 'approval', 'masking', 'audit'];
const standIns = ['entra', 'orders'];
const analystCall = { name: 'find_customer', arguments: { name: 'Maria' } };
/** What the sample server answers with and no client may see. */
const unmasked = /maria\.keller|4111 1111|536-22-1789|901820/;
const upLimitSeconds = 180;
const recoveryLimitMs = 180_000;
const minute = 60_000;

const project = `countersign-test-${randomUUID().slice(0, 8)}`;
const folder = mkdtempSync(join(tmpdir(), 'countersign-compose-'));
const envFile = join(folder, '.env');
const compose = ['docker', 'compose', '--project-name', project, '--env-file', envFile];

let hasFailed = false;

const missing = await missingEngine();
if (missing !== undefined) {
  console.log(`skipped: no Docker engine with Compose (${missing})`);
  rmSync(folder, { recursive: true });
  process.exit(process.env.COMPOSE_REQUIRED === '1' ? 1 : 0);
}

const ports = await freePorts(5);
const [ingressPort, approvalPort, auditPort, entraPort, signInPort] = ports;
const settings = {
  COUNTERSIGN_IMAGE: `${project}:services`,
  COUNTERSIGN_DEMO_IMAGE: `${project}:demo`,
  COUNTERSIGN_INGRESS_PORT: ingressPort,
  COUNTERSIGN_APPROVAL_PORT: approvalPort,
  COUNTERSIGN_AUDIT_PORT: auditPort,
  DEMO_ENTRA_PORT: entraPort,
  DEMO_SIGN_IN_PORT: signInPort,
  COUNTERSIGN_CONFIG_DIR: join(folder, 'config'),
  COUNTERSIGN_POLICIES_DIR: './demo/policies',
};
const gateway = `http://localhost:${ingressPort}/mcp/orders`;
const approvals = `http://localhost:${approvalPort}/v1/approvals`;
const audit = `http://localhost:${auditPort}/v1`;

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.once(signal, () => {
    remove();
    process.exit(1);
  });
}

describe('docker-compose.yml', { timeout: 30 * minute }, () => {
  before(() => {
    writeEnv('--demo', '--file', envFile);
    copyConfig();
  });
  after(remove);

  step('when .env is missing, then every secret is asked for by name', async () => {
    const names = new Set(readFileSync('docker-compose.yml', 'utf8').match(/(?<=\$\{)\w+(?=:\?)/g));
    assert.ok(names.size >= 12, `only ${names.size} required variables were found`);
    const complete = readFileSync(envFile, 'utf8');
    for (const name of names) {
      const partial = join(folder, 'partial.env');
      writeFileSync(partial, complete.replace(new RegExp(`^${name}=.*$`, 'm'), ''));
      const words = ['compose', '--env-file', partial, 'config', '--quiet'];
      const { status, stderr } = spawnSync('docker', words, {
        encoding: 'utf8',
        env: environment({}),
      });
      assert.notEqual(status, 0, `${name} has a default`);
      assert.match(stderr, new RegExp(`${name}.*run npm run compose:env first`, 's'));
    }
  });

  step('when .env is there already, then it is left as it is, readable by its owner alone', () => {
    const first = readFileSync(envFile, 'utf8');
    const again = writeEnv('--demo', '--file', envFile);
    assert.match(again, /left as it is/);
    assert.equal(readFileSync(envFile, 'utf8'), first);
    if (process.platform !== 'win32') assert.equal(statSync(envFile).mode & 0o777, 0o600);
  });

  step(
    'when .env is there, then the file is valid, and the demo is not part of it unless asked for',
    async () => {
      const plain = join(folder, 'plain.env');
      writeEnv('--file', plain);
      const words = ['compose', '--env-file', plain, 'config', '--services'];
      const { stdout } = await run('docker', words, { env: environment({}) });
      const names = stdout.trim().split('\n').sort();
      assert.deepEqual(names, [...services, 'kafka', 'postgres', 'topics'].sort());
      const withDemo = await docker('config', '--services');
      assert.deepEqual(withDemo.stdout.trim().split('\n').sort(), [...names, ...standIns].sort());
    },
  );

  step('when asked to, then it builds and comes up, all of it healthy', async () => {
    const started = performance.now();
    await docker('build');
    const built = performance.now();
    await docker('up', '--detach', '--wait', '--wait-timeout', String(upLimitSeconds));
    const up = performance.now();
    report(`built in ${seconds(built - started)}, up and healthy in ${seconds(up - built)}`);
    for (const image of [settings.COUNTERSIGN_IMAGE, settings.COUNTERSIGN_DEMO_IMAGE]) {
      const { stdout } = await run('docker', ['image', 'inspect', '--format', '{{.Size}}', image]);
      report(`${image}: ${Math.round(Number(stdout) / 1e6)} MB`);
    }
  });

  step(
    'when an analyst looks up a customer, then the answer is masked and the story is on record',
    async () => {
      await expectMaskedAnswer();
      await eventually(async () => {
        const token = await demoToken('auditor', compose);
        const { calls } = await rest(`${audit}/calls?resource=find_customer`, token);
        assert.equal(calls.length, 1);
        assert.equal(calls[0].outcome, 'ok');
        const { events } = await rest(`${audit}/calls/${calls[0].callId}`, token);
        assert.ok(events.length >= 5, `the story has only ${events.length} events`);
      });
    },
  );

  step('when a rule denies a call, then it is refused', async () => {
    const session = await open('engineer');
    const { result } = await session.call({ name: 'delete_customer', arguments: { id: 'C-1001' } });
    assert.equal(result?.isError, true);
    const { code, executed } = result._meta['countersign/refusal'];
    assert.deepEqual({ code, executed }, { code: 'DENIED', executed: 'no' });
  });

  step(
    'when a rule asks for a signature, then the call runs once an approver has signed',
    async () => {
      const session = await open('analyst');
      const waiting = session.call({
        name: 'refund_order',
        arguments: { order: 'A-7', amount: 20 },
      });
      const token = await demoToken('approver', compose);
      const id = await eventually(async () => {
        const body = await rest(`${approvals}?status=pending`, token);
        assert.equal(body.approvals.length, 1);
        return body.approvals[0].id;
      });
      await rest(`${approvals}/${id}/decision`, token, {
        decision: 'approve',
        reason: 'charged twice',
      });
      assert.match(JSON.stringify((await waiting).result), /20 EUR paid back/);
    },
  );

  step(
    'when containers run, then none is root, and ours cannot write to their file systems',
    async () => {
      for (const service of [...services, ...standIns, 'kafka', 'postgres']) {
        const { Config, HostConfig } = await inspect(service);
        const { stdout } = await docker('exec', '-T', service, 'id', '-u');
        assert.notEqual(stdout.trim(), '0', `${service} runs as root`);
        assert.equal(HostConfig.ReadonlyRootfs, service !== 'kafka', `${service}: file system`);
        assert.deepEqual(HostConfig.CapDrop, ['ALL'], `${service}: capabilities`);
        assert.equal(HostConfig.CapAdd ?? undefined, undefined, `${service}: capabilities`);
        assert.ok(
          HostConfig.SecurityOpt.includes('no-new-privileges:true'),
          `${service}: privileges`,
        );
        assert.notEqual(Config.User, 'root');
      }
    },
  );

  step(
    'when somebody opens the page for approvals, then they are shown the way to sign in',
    async () => {
      const page = `http://localhost:${approvalPort}/approvals`;
      const answer = await fetch(page, { redirect: 'manual', signal: AbortSignal.timeout(30_000) });
      const text = await answer.text();
      assert.match(answer.headers.get('content-security-policy') ?? '', /default-src 'none'/);
      assert.match(text, /[Ss]ign in/);
      assert.equal(
        (await fetch(`http://localhost:${signInPort}/`)).ok,
        false,
        'nothing at the root',
      );
    },
  );

  step('when a service runs, then it holds its own keys and no others', async () => {
    const expected = {
      ingress: 'ANSWERS_KEY APPROVAL_PUBLIC_KEY ARGUMENTS_KEY POLICY_PUBLIC_KEY SESSION_KEY',
      policy: 'ARGUMENTS_KEY POLICY_KEY',
      approval: 'APPROVAL_KEY PAGE_KEY POLICY_PUBLIC_KEY',
      masking: 'ANSWERS_KEY',
      audit: 'AUDIT_KEY',
    };
    for (const [service, keys] of Object.entries(expected)) {
      const { Config } = await inspect(service);
      const names = Config.Env.map((line) => line.slice(0, line.indexOf('=')));
      const held = names.filter((name) => name.endsWith('_KEY')).sort();
      assert.equal(held.map((name) => name.replace('COUNTERSIGN_', '')).join(' '), keys);
      assert.equal(names.includes('DATABASE_URL'), ['approval', 'audit'].includes(service));
      assert.equal(names.includes('DEMO_ORDERS_TOKEN'), service === 'ingress');
    }
  });

  step(
    'when containers run, then nothing is published but five ports on the loopback address',
    async () => {
      const published = {};
      for (const service of [...services, ...standIns, 'kafka', 'postgres']) {
        const { HostConfig, NetworkSettings } = await inspect(service);
        assert.equal(HostConfig.PublishAllPorts, false);
        const bindings = Object.values(NetworkSettings.Ports).flatMap((each) => each ?? []);
        for (const { HostIp, HostPort } of bindings) {
          assert.equal(HostIp, '127.0.0.1', `${service} is published on ${HostIp}`);
          published[service] = [...(published[service] ?? []), Number(HostPort)].sort();
        }
      }
      assert.deepEqual(published, {
        ingress: [ingressPort],
        approval: [approvalPort],
        audit: [auditPort],
        entra: [entraPort, signInPort].sort(),
      });
    },
  );

  step('when masking asks for the database or the internet, then it finds neither', async () => {
    for (const host of ['postgres', 'entra', 'example.com']) {
      const lookUp = `require('node:dns').promises.lookup('${host}').then(() => process.exit(0), () => process.exit(1))`;
      await assert.rejects(
        docker('exec', '-T', 'masking', 'node', '-e', lookUp),
        `masking finds ${host}`,
      );
    }
  });

  step('when everything is restarted, then calls are answered again', async () => {
    await docker('restart');
    await eventually(expectMaskedAnswer, recoveryLimitMs);
  });

  step(
    'when the broker is killed, then calls are refused, and answered again once it is back',
    async () => {
      const session = await open('analyst');
      await docker('kill', 'kafka');
      const { error } = await session.call(analystCall);
      assert.match(String(error?.data?.code), /^(RECORD_UNAVAILABLE|VERDICT_TIMEOUT)$/);
      assert.equal(error.data.executed, 'no');
      await docker('start', 'kafka');
      const started = performance.now();
      await eventually(expectMaskedAnswer, recoveryLimitMs);
      report(`answered again ${seconds(performance.now() - started)} after the broker's start`);
    },
  );
});

/** One after the other; after a failure the rest would only wait in vain. */
function step(name, work) {
  test(name, async (context) => {
    if (hasFailed) return context.skip('something before it failed');
    try {
      await work();
    } catch (error) {
      hasFailed = true;
      throw error;
    }
  });
}

async function expectMaskedAnswer() {
  const session = await open('analyst');
  const { result, error } = await session.call(analystCall);
  assert.equal(error, undefined);
  const text = JSON.stringify(result);
  assert.match(text, /Maria Keller/);
  assert.doesNotMatch(text, unmasked);
}

/** A client of the gateway, initialized. */
async function open(identity) {
  return McpSession.open(gateway, await demoToken(identity, compose));
}

async function rest(url, token, body) {
  const response = await fetch(url, {
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(30_000),
  });
  assert.equal(response.status, 200, `${url} answers ${response.status}`);
  return response.json();
}

/** Waits until `read` gives something; what it throws last is the failure. */
async function eventually(read, limitMs = minute) {
  const end = Date.now() + limitMs;
  for (;;) {
    try {
      return await read();
    } catch (error) {
      if (Date.now() > end) throw error;
      await pause(250);
    }
  }
}

async function docker(...words) {
  const [program, ...first] = compose;
  try {
    return await run(program, [...first, ...words], {
      env: environment(settings),
      maxBuffer: 2 ** 26,
    });
  } catch (error) {
    throw new Error(
      `docker compose ${words.join(' ')}: ${lastLines(error.stderr ?? error.message)}`,
    );
  }
}

async function inspect(service) {
  const { stdout: id } = await docker('ps', '--quiet', service);
  const { stdout } = await run('docker', ['inspect', id.trim()]);
  return JSON.parse(stdout)[0];
}

/** Ours, without what a developer's shell or .env may have set for the file under test. */
function environment(more) {
  const foreign = /^(COUNTERSIGN_|POSTGRES_|DEMO_|COMPOSE_|CLUSTER_ID$)/;
  const inherited = Object.entries(process.env).filter(([name]) => !foreign.test(name));
  return { ...Object.fromEntries(inherited), ...more };
}

function writeEnv(...words) {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ['tools/write-env.mjs', ...words],
    {
      encoding: 'utf8',
    },
  );
  assert.equal(status, 0, stderr);
  return stdout;
}

/** The demo's configuration, with the ports that this run publishes. */
function copyConfig() {
  const target = settings.COUNTERSIGN_CONFIG_DIR;
  cpSync('compose/demo', target, { recursive: true });
  const file = join(target, 'countersign.yaml');
  const text = readFileSync(file, 'utf8')
    .replaceAll('localhost:8080', `localhost:${ingressPort}`)
    .replaceAll('localhost:8082', `localhost:${approvalPort}`);
  writeFileSync(file, text);
  // The services read it as a user of their own.
  chmodSync(folder, 0o755);
  chmodSync(file, 0o644);
}

function remove() {
  const [program, ...words] = compose;
  const options = { env: environment(settings), encoding: 'utf8' };
  if (hasFailed) showLogs(program, words, options);
  const down = ['down', '--volumes', '--remove-orphans', '--timeout', '20'];
  const { status, stderr } = spawnSync(program, [...words, '--profile', '*', ...down], options);
  if (status !== 0) console.error(`docker compose down: ${lastLines(stderr ?? '')}`);
  const images = [settings.COUNTERSIGN_IMAGE, settings.COUNTERSIGN_DEMO_IMAGE];
  spawnSync('docker', ['image', 'rm', '--force', ...images]);
  rmSync(folder, { recursive: true, force: true });
}

function showLogs(program, words, options) {
  const { stdout } = spawnSync(program, [...words, 'ps', '--all'], options);
  const logs = spawnSync(program, [...words, 'logs', '--no-color', '--tail', '30'], options);
  console.error(`${stdout}\n${logs.stdout}`);
}

async function missingEngine() {
  try {
    await run('docker', ['info', '--format', '{{.ServerVersion}}']);
    await run('docker', ['compose', 'version']);
    return undefined;
  } catch (error) {
    return error.code === 'ENOENT'
      ? 'there is no docker command'
      : lastLines(error.stderr ?? '', 1);
  }
}

/** Ports that were free a moment ago. */
async function freePorts(count) {
  const servers = Array.from({ length: count }, () => createServer());
  const found = [];
  for (const server of servers) {
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
    found.push(server.address().port);
  }
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return found;
}

function lastLines(text, count = 15) {
  return text.trim().split('\n').slice(-count).join('\n');
}

function seconds(milliseconds) {
  return `${(milliseconds / 1000).toFixed(1)} s`;
}

function report(line) {
  console.log(`  ${line}`);
}
