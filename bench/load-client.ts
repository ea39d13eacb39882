import { Pool } from 'undici';
import { nextText } from './echo.js';
import { serveJobs } from './slice.js';

/** Calls the echo tool over keep-alive connections, one for each caller, and checks every answer. */
const url = new URL(process.argv[4] ?? '');
const token = process.env['BENCH_TOKEN'];
const headers = {
  accept: 'application/json, text/event-stream',
  'content-type': 'application/json',
  ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
};
let pool: Pool | undefined;
/** Where the server keeps one. */
let session: Record<string, string> = {};
let count = 0;

serveJobs(async (callers) => {
  await pool?.close();
  const connections = new Pool(url.origin, { connections: callers });
  pool = connections;
  session = await openSession(connections);
  return async () => callOnce(connections);
});
process.send?.({ ready: '' });

async function callOnce(connections: Pool): Promise<void> {
  count += 1;
  const id = count;
  const text = nextText();
  const params = { name: 'echo', arguments: { text } };
  const body = JSON.stringify({ jsonrpc: '2.0', id, method: 'tools/call', params });
  const response = await post(connections, body);
  const answer = await response.body.text();
  if (response.statusCode === 200 && echoOf(answer, id) === text) return;
  throw new Error(`status ${response.statusCode}: ${answer.slice(0, 300)}`);
}

async function post(connections: Pool, body: string) {
  const all = { ...headers, ...session };
  return connections.request({ path: url.pathname, method: 'POST', headers: all, body });
}

/** A stateless server issues no id, and the calls go without one. */
async function openSession(connections: Pool): Promise<Record<string, string>> {
  const clientInfo = { name: 'bench', version: '1.0.0' };
  const params = { protocolVersion: '2025-06-18', capabilities: {}, clientInfo };
  const message = { jsonrpc: '2.0', id: 0, method: 'initialize', params };
  session = {};
  const opened = await post(connections, JSON.stringify(message));
  await opened.body.dump();
  const id = opened.headers['mcp-session-id'];
  return typeof id === 'string' ? { 'mcp-session-id': id } : {};
}

/** The text of an answer to this request; undefined for any other answer. */
function echoOf(answer: string, asked: number): string | undefined {
  const message: { id?: unknown; result?: { content?: { text?: string }[] } } = JSON.parse(answer);
  return message.id === asked ? message.result?.content?.[0]?.text : undefined;
}
