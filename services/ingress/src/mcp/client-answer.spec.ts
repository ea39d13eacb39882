import { createServer, type Server } from 'node:http';
import { connect, type Socket } from 'node:net';
import express, { type Response } from 'express';
import { afterEach, expect, test } from 'vitest';
import { listeningPort } from '../../../../demo/listening-port.js';
import { ClientAnswer } from './client-answer.js';

const open: { server: Server; socket: Socket }[] = [];
afterEach(() => {
  for (const { server, socket } of open.splice(0)) {
    socket.destroy();
    server.closeAllConnections();
    server.close();
  }
});

/** A client that has asked and reads nothing, and the response that the gateway writes to. */
async function silentClient(): Promise<{ response: Response; socket: Socket }> {
  const app = express();
  const asked = new Promise<Response>((resolve) => {
    app.get('/', (_, response) => resolve(response));
  });
  const server = createServer(app).listen(0, '127.0.0.1');
  const socket = connect(await listeningPort(server), '127.0.0.1');
  socket.pause();
  open.push({ server, socket });
  socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
  return { response: await asked, socket };
}

const part = {
  content: { jsonrpc: '2.0', method: 'x', params: 'a'.repeat(1_000_000) },
  last: false,
};
const reply = { status: 200, isStream: true };

async function releaseUntil(isDone: () => boolean, answer: ClientAnswer): Promise<void> {
  while (!isDone()) await answer.release(part);
}

test('when a client takes nothing for too long, then it is cut off, and the call goes on', async () => {
  const { response } = await silentClient();
  const answer = new ClientAnswer(response, { callId: 'call' }, 100);
  answer.expect(reply, undefined);

  await releaseUntil(() => response.destroyed, answer);
  await answer.release({ ...part, last: true });
  answer.end();

  expect(response.writableFinished).toBe(false);
});

test('when a client reads slowly for long, then nobody is left behind who waits for it', async () => {
  const { response, socket } = await silentClient();
  const answer = new ClientAnswer(response, { callId: 'call' }, 60_000);
  answer.expect(reply, undefined);
  const listeners = (): number[] =>
    ['drain', 'close', 'error'].map((name) => response.listenerCount(name));
  const before = listeners();
  const reading = setInterval(() => socket.read(), 1);
  socket.on('readable', () => undefined);

  for (let events = 0; events < 20; events += 1) await answer.release(part);
  clearInterval(reading);

  expect(listeners()).toEqual(before);
});

const whole = { content: { jsonrpc: '2.0', id: 1, result: 'a'.repeat(14_000_000) }, last: true };

test('when a client takes nothing of an answer in one piece, then it is cut off', async () => {
  const { response } = await silentClient();
  const answer = new ClientAnswer(response, { callId: 'call' }, 100);
  answer.expect({ status: 200, isStream: false }, undefined);
  await answer.release(whole);
  answer.end();

  await expect.poll(() => response.destroyed, { timeout: 5000 }).toBe(true);
  expect(response.writableFinished).toBe(false);
});

test('when a client takes such an answer slowly, then it gets all of it', async () => {
  const { response, socket } = await silentClient();
  const answer = new ClientAnswer(response, { callId: 'call' }, 200);
  answer.expect({ status: 200, isStream: false }, undefined);
  let bytes = 0;
  socket.on('data', (piece) => {
    bytes += piece.length;
    socket.pause();
    setTimeout(() => socket.resume(), 2);
  });
  socket.resume();
  await answer.release(whole);
  answer.end();

  await expect.poll(() => bytes, { timeout: 20_000 }).toBeGreaterThan(14_000_000);
  expect(response.writableFinished).toBe(true);
});

test('when a client reads late but reads, then it gets everything', async () => {
  const { response, socket } = await silentClient();
  const answer = new ClientAnswer(response, { callId: 'call' }, 60_000);
  answer.expect(reply, undefined);
  let bytes = 0;
  socket.on('data', (piece) => {
    bytes += piece.length;
  });
  socket.pause();

  const writing = [1, 2, 3, 4, 5].map(async () => answer.release(part));
  expect(response.writableLength).toBeGreaterThan(0);
  socket.resume();
  await Promise.all(writing);
  answer.end();

  await expect.poll(() => response.writableFinished).toBe(true);
  await expect.poll(() => bytes).toBeGreaterThan(5_000_000);
});
