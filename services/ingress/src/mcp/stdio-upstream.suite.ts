import { afterEach } from 'vitest';
import { Servers } from '../servers.js';
import { type JsonObject, readMessage } from './message.js';
import type { Session } from './session-ids.js';
import { StdioUpstream } from './stdio-upstream.js';
import type { UpstreamReply } from './upstream.js';
import { openForwarding, unheard } from './upstream.suite.js';

/** A server in a few lines: answers, talks, lies or dies as its method says. */
export const program = `
let left = '';
const say = (message) => process.stdout.write(JSON.stringify({ jsonrpc: '2.0', ...message }) + '\\n');
process.stdin.on('data', (bytes) => {
  const lines = (left + bytes).split('\\n');
  left = lines.pop();
  for (const line of lines) {
    const { id, method, params } = JSON.parse(line);
    if (method === 'die') process.exit(3);
    if (method === 'lie') process.stdout.write('this is no JSON\\n');
    if (method === 'twice') process.stdout.write('{"jsonrpc":"2.0","id":' + id + ',"result":{},"result":{"b":1}}\\n');
    if (method === 'silence') continue;
    if (method === 'slow') { setTimeout(() => say({ id, result: { method } }), 200); continue; }
    if (method === 'talk') {
      say({ method: 'notifications/progress', params: { progressToken: params._meta.progressToken, progress: 1 } });
      say({ method: 'notifications/message', params: { data: 'aside' } });
    }
    if (method === 'separator') say({ id, result: { text: 'a\\u2028b\\u2029c' } });
    else if (method === 'env') say({ id, result: process.env });
    else if (method === 'pid') say({ id, result: { pid: process.pid } });
    else if (id !== undefined && method !== 'twice') say({ id, result: { method } });
  }
});
`;

export const servers = new Servers(
  {},
  { PATH: process.env['PATH'], TOKEN: 'abc', OTHER: 'hidden' },
);
export const limits = {
  maxAnswerBytes: 100_000,
  maxStreamBytes: 1_000_000,
  maxDepth: 32,
  maxArrayLength: 1000,
  timeoutMs: 500,
};

const made: StdioUpstream[] = [];

/** Ends the children of each test after it. */
export function endAfterEach(): void {
  afterEach(async () => {
    await Promise.all(made.splice(0).map(async (each) => each.close()));
  });
}

/** An upstream whose program is the one above, or another. */
export function upstreamOf(
  change: { command?: string[]; env?: Record<string, string> } = {},
  places?: ConstructorParameters<typeof StdioUpstream>[3],
): StdioUpstream {
  const command = [process.execPath, '-e', program];
  const config = { command, env: {}, labels: {}, ...change };
  const upstream = new StdioUpstream(config, servers, limits, places);
  made.push(upstream);
  return upstream;
}

/** Sends one message; what was said for it, and how it was taken. */
export async function ask(
  to: StdioUpstream,
  body: JsonObject,
  session?: Session,
  caller = 'tenant/ada',
): Promise<{ parts: unknown[]; reply: UpstreamReply | undefined }> {
  const message = readMessage({ jsonrpc: '2.0', ...body });
  let reply: UpstreamReply | undefined;
  const request = {
    verb: 'POST' as const,
    caller,
    message,
    session,
    headers: {},
    signal: new AbortController().signal,
    ...unheard,
    onReply: (each: UpstreamReply) => {
      reply = each;
    },
  };
  const parts: unknown[] = [];
  for await (const part of to.prepare(request).forward(openForwarding)) parts.push(part.content);
  return { parts, reply };
}

/** A new session. */
export async function open(to: StdioUpstream, caller?: string): Promise<Session> {
  const body = { id: 0, method: 'initialize', params: {} };
  const { reply } = await ask(to, body, undefined, caller);
  return { upstreamId: reply?.issuedSessionId ?? '', sessionId: 's', client: null };
}
