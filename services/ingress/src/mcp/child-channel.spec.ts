import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, test, vi } from 'vitest';
import {
  ask,
  endAfterEach,
  limits,
  open,
  program,
  resultOf,
  upstreamOf,
} from './session-upstream.suite.js';

endAfterEach();

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};
const gone = async (pid: number): Promise<void> => {
  await vi.waitFor(() => expect(isAlive(pid)).toBe(false), { timeout: 5000 });
};
const pid = { id: 1, method: 'pid', params: {} };

/** Answers with its own id and that of a child of its own; both ignore what ends others. */
const stubborn = `
process.on('SIGTERM', () => undefined);
setInterval(() => undefined, 1000);
const inner = "process.on('SIGTERM', () => undefined); setInterval(() => undefined, 1000);";
const { pid } = require('child_process').spawn(process.execPath, ['-e', inner], { stdio: 'inherit' });
require('readline').createInterface({ input: process.stdin }).on('line', (line) => {
  const { id } = JSON.parse(line);
  console.log(JSON.stringify({ jsonrpc: '2.0', id, result: { pid: process.pid, inner: pid } }));
});`;

test('when the upstream is closed, then its children have ended', async () => {
  const to = upstreamOf();
  const child = await resultOf(to, pid, await open(to));

  await to.close();

  expect(isAlive(child.pid)).toBe(false);
});

test('when a child and one that it has started do not end by themselves, then both are killed', async () => {
  const to = upstreamOf({ command: [process.execPath, '-e', stubborn] });
  const child = await resultOf(to, pid, await open(to));

  await to.close();

  expect(isAlive(child.pid)).toBe(false);
  await gone(Number(child['inner']));
});

test('when a child ends and leaves one behind that it has started, then that one ends too', async () => {
  const leaving = `
    const inner = "setInterval(() => undefined, 1000);";
    const { pid } = require('child_process').spawn(process.execPath, ['-e', inner], { stdio: 'inherit' });
    require('readline').createInterface({ input: process.stdin }).on('line', (line) => {
      const { id, method } = JSON.parse(line);
      if (method === 'die') process.exit(1);
      console.log(JSON.stringify({ jsonrpc: '2.0', id, result: { pid } }));
    });`;
  const to = upstreamOf({ command: [process.execPath, '-e', leaving] });
  const session = await open(to);
  const inner = await resultOf(to, pid, session);

  const dying = ask(to, { id: 2, method: 'die', params: {} }, session);

  await expect(dying).rejects.toMatchObject({ code: 'UPSTREAM_UNREADABLE' });
  await gone(inner.pid);
});

test('when the process that holds a child is killed, then the child ends', async () => {
  const channel = new URL('child-channel.ts', import.meta.url).href;
  const parent = `
    const { childChannels } = await import(${JSON.stringify(channel)});
    const { command, limits } = JSON.parse(process.argv[1]);
    const open = childChannels({ command, environment: () => ({}), limits, tell: () => undefined });
    const child = open({ say: ({ result }) => console.log(result.pid), end: () => undefined });
    await child.send({ jsonrpc: '2.0', id: 1, method: 'pid' });`;
  const loader = new URL('../../../../test/broker/typescript.mjs', import.meta.url).href;
  const flags = ['--experimental-transform-types', '--disable-warning=ExperimentalWarning'];
  const command = [process.execPath, '-e', program];
  const holder = spawn(
    process.execPath,
    [
      ...flags,
      '--import',
      loader,
      '--input-type=module',
      '-e',
      parent,
      JSON.stringify({ command, limits }),
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const [line]: unknown[] = await once(holder.stdout, 'data');
  const child = Number(String(line));

  const before = isAlive(child);
  holder.kill('SIGKILL');

  expect(before).toBe(true);
  await gone(child);
});

test('when a child writes for whoever runs it, then that is told line by line, and nothing else is', async () => {
  const told: string[] = [];
  const to = upstreamOf({ tell: (line) => told.push(line) });
  const session = await open(to);
  const params = { text: 'one\n\u001b[31mtwo\nthree' };

  await ask(to, { id: 1, method: 'complain', params }, session);
  await to.close();

  expect(told).toEqual(['one', '[31mtwo', 'three']);
});

test('when a message is longer than allowed, then it is refused, also while it has no end', async () => {
  for (const end of ['\\n', '']) {
    const endless = `
      process.stdin.on('data', (line) => {
        const { id, method } = JSON.parse(line);
        if (method === 'initialize') console.log(JSON.stringify({ jsonrpc: '2.0', id, result: {} }));
        else process.stdout.write('x'.repeat(200000) + '${end}');
      });`;
    const to = upstreamOf({ command: [process.execPath, '-e', endless] });
    const session = await open(to);

    const asking = ask(to, { id: 1, method: 'hello', params: {} }, session);

    await expect(asking).rejects.toMatchObject({ code: 'ANSWER_TOO_LARGE', executed: 'unknown' });
  }
});

test('when a child does not read what it is sent, then no more is kept for it', async () => {
  const deaf = `
    process.stdin.once('data', (line) => {
      process.stdin.pause();
      const { id } = JSON.parse(line);
      console.log(JSON.stringify({ jsonrpc: '2.0', id, result: {} }));
      setInterval(() => undefined, 1000);
    });`;
  const to = upstreamOf({ command: [process.execPath, '-e', deaf] });
  const session = await open(to);
  const note = { method: 'notifications/a', params: { text: 'x'.repeat(90_000) } };
  const flood = async (): Promise<void> => {
    for (let n = 0; n < 10; n += 1) await ask(to, note, session);
  };

  await expect(flood()).rejects.toMatchObject({ code: 'UPSTREAM_UNAVAILABLE', executed: 'no' });
});
