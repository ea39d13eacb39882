import { createServer, type IncomingMessage, request as send, type Server } from 'node:http';
import { once } from 'node:events';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { listeningPort } from '../../demo/listening-port.js';
import { type Injector, startInjector } from './injector.js';

let gateway: Server;
let heard: IncomingMessage[];
let injector: Injector;

beforeEach(async () => {
  heard = [];
  gateway = createServer((request) => heard.push(request)).listen(0, '127.0.0.1');
  injector = await startInjector();
  injector.aim(`http://127.0.0.1:${await listeningPort(gateway)}`, 'a-token');
});

afterEach(async () => {
  await injector.close();
  gateway.closeAllConnections();
  gateway.close();
});

function ask(body: string, headers: readonly string[] = ['host', injector.host]) {
  const [host, port] = injector.host.split(':');
  return send({ host, port, method: 'POST', path: '/mcp/a?b=c', headers }).end(body);
}

test('when a request passes, then it has gained its token and nothing else was touched', async () => {
  gateway.on('request', (request, response) => request.pipe(response.writeHead(200)));
  const headers = [
    'Host',
    'evil.example',
    'Origin',
    'http://evil.example',
    'X-Odd',
    '1',
    'X-Odd',
    '2',
  ];
  const asked = ask('héllo', [...headers, 'Content-Length', '6']);

  const [answer]: IncomingMessage[] = await once(asked, 'response');

  expect(await answer!.setEncoding('utf8').toArray()).toEqual(['héllo']);
  expect([heard[0]?.method, heard[0]?.url]).toEqual(['POST', '/mcp/a?b=c']);
  expect(heard[0]?.rawHeaders.slice(0, 12)).toEqual([
    ...headers,
    'Content-Length',
    '6',
    'authorization',
    'Bearer a-token',
  ]);
});

test('when an answer comes piece by piece, then each piece is there before the next', async () => {
  const answering = once(gateway, 'request');
  const asked = ask('');
  const [, response] = await answering;
  response.writeHead(201, { 'content-type': 'text/event-stream' }).write('one');
  const [answer]: IncomingMessage[] = await once(asked, 'response');
  answer!.setEncoding('utf8');

  const [first] = await once(answer!, 'data');
  response.end('two');
  const [second] = await once(answer!, 'data');

  expect([answer?.statusCode, answer?.headers['content-type']]).toEqual([201, 'text/event-stream']);
  expect([first, second]).toEqual(['one', 'two']);
});

test('when the client hangs up, then the gateway hears that', async () => {
  const answering = once(gateway, 'request');
  const asked = ask('');
  asked.on('error', () => undefined);
  const [, response] = await answering;
  const hungUp = once(response, 'close');

  asked.destroy();

  await hungUp;
  expect(response.writableEnded).toBe(false);
});

test('when there is no gateway behind it yet, then it says so', async () => {
  const idle = await startInjector();

  expect((await fetch(`http://${idle.host}/mcp/a`)).status).toBe(503);

  await idle.close();
});
