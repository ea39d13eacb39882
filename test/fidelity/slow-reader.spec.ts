import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventually } from '../stack/http.js';
import { post } from './mcp-http.js';
import { type Relayed, startRelayed } from './relayed.js';
import { beginStream, sayEvent, sayJson } from './scripted-upstream.js';

let house: Relayed;

beforeAll(async () => {
  house = await startRelayed('standalone', { sections: { ingress: { callsPerCaller: 1 } } });
}, 90_000);

afterAll(async () => house?.close(), 30_000);

/** Asks for something and then reads nothing of the answer. */
function silentReader(port: number, lines: readonly string[], body: string): Socket {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => undefined);
  socket.pause();
  const length = body === '' ? [] : [`Content-Length: ${Buffer.byteLength(body)}`];
  socket.write(`${[...lines, ...length].join('\r\n')}\r\n\r\n${body}`);
  return socket;
}

test('when clients read nothing for 30 s, then they are cut off, their servers are let go, and their places are free', async () => {
  let said = 0;
  house.upstream.answerWith(({ body: { id, method }, verb }, response) => {
    if (method === 'ping') {
      sayJson(response, { jsonrpc: '2.0', id, result: {} });
      return;
    }
    beginStream(response);
    const message = {
      jsonrpc: '2.0',
      method: 'notifications/x',
      params: { a: 'a'.repeat(200_000) },
    };
    const timer = setInterval(() => {
      if (verb === 'POST' && said > 120) {
        sayEvent(response, { message: { jsonrpc: '2.0', id, result: {} } });
        response.end();
      } else if (!response.writableNeedDrain) {
        sayEvent(response, { message });
        said += 1;
      }
    }, 20);
    response.on('close', () => clearInterval(timer));
  });
  const { port } = house.world;
  const head = (verb: string, token: string): string[] => [
    `${verb} /mcp/odd HTTP/1.1`,
    `Host: localhost:${port}`,
    `Authorization: Bearer ${token}`,
    'Accept: application/json, text/event-stream',
    ...(verb === 'POST' ? ['Content-Type: application/json'] : []),
  ];
  const call = {
    jsonrpc: '2.0',
    id: 1,
    method: 'tools/call',
    params: { name: 'x', arguments: {} },
  };
  const startedMs = Date.now();
  const hesitant = connect(port, '127.0.0.1', () =>
    hesitant.write('POST /mcp/odd HTTP/1.1\r\nHost: x\r\n'),
  );
  let told = '';
  hesitant.setEncoding('utf8').on('data', (piece: string) => (told += piece));
  const sockets = [
    silentReader(port, head('GET', house.eng.token), ''),
    silentReader(port, head('POST', house.ada.token), JSON.stringify(call)),
  ];
  await eventually(() => expect(house.upstream.heard).toHaveLength(2));
  expect((await post(house.ada, { jsonrpc: '2.0', id: 2, method: 'ping' })).status).toBe(503);

  const stream = house.upstream.heard.find(({ verb }) => verb === 'GET');
  await eventually(() => expect(stream?.isBrokenOff()).toBe(true), 50_000);
  expect(Date.now() - startedMs).toBeGreaterThan(25_000);
  const again = async () =>
    (await post(house.ada, { jsonrpc: '2.0', id: 3, method: 'ping' })).status;
  await eventually(async () => expect(await again()).toBe(200), 40_000);
  for (const socket of sockets) socket.destroy();
  // One that never comes to the end of its headers is cut off as well.
  await eventually(() => expect(hesitant.closed).toBe(true), 40_000);
  expect(told).toMatch(/^HTTP\/1.1 408/);
}, 100_000);
