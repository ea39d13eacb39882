import { randomUUID } from 'node:crypto';
import { afterEach } from 'vitest';
import { z } from 'zod';
import { Servers } from '../servers.js';
import { type JsonObject, readMessage } from './message.js';
import type { Session } from './session-ids.js';
import { programChannels } from './programs.js';
import { SessionUpstream, type SessionUpstreamParts } from './session-upstream.js';
import type { McpUpstream, UpstreamReply } from './upstream.js';
import { openForwarding, unheard } from './upstream.suite.js';

/** A server in a few lines: answers, talks, lies or dies as its method says. */
const programOf = (isLegacy: boolean): string => `
let left = '';
const heard = [];
process.stdin.on('end', () => process.exit());
const say = (message) => process.stdout.write(JSON.stringify({ jsonrpc: '2.0', ...message }) + '\\n');
process.stdin.on('data', (bytes) => {
  const lines = (left + bytes).split('\\n');
  left = lines.pop();
  for (const line of lines) {
    const { id, method, params, result, error } = JSON.parse(line);
    if (method !== 'heard') heard.push({ id, method, params, result, error });
    if (method === 'die') process.exit(3);
    if (method === 'lie') process.stdout.write('this is no JSON\\n');
    if (method === 'twice') process.stdout.write('{"jsonrpc":"2.0","id":' + id + ',"result":{},"result":{"b":1}}\\n');
    if (method === 'silence') continue;
    if (method === 'slow') { setTimeout(() => say({ id, result: { method } }), 200); continue; }
    if (method === 'talk') {
      say({ method: 'notifications/progress', params: { progressToken: params._meta.progressToken, progress: 1 } });
      say({ method: 'notifications/message', params: { data: 'aside' } });
    }
    if (method === 'says') for (const each of params.messages) say(each);
    if (method === 'complain') process.stderr.write(params.text);
    if (method === 'server/discover' && ${isLegacy}) say({ id, error: { code: -32601, message: 'Method not found' } });
    else if (method === 'subscriptions/listen') {
      const meta = { _meta: { 'io.modelcontextprotocol/subscriptionId': id } };
      say({ method: 'notifications/subscriptions/acknowledged', params: meta });
      setInterval(() => say({ method: 'notifications/tools/list_changed', params: meta }), 1200);
    }
    else if (method === 'heard') say({ id, result: { heard } });
    else if (method === 'separator') say({ id, result: { text: 'a\\u2028b\\u2029c' } });
    else if (method === 'env') say({ id, result: process.env });
    else if (method === 'pid') say({ id, result: { pid: process.pid } });
    else if (id !== undefined && method !== 'twice') say({ id, result: { method } });
  }
});
`;

/** The program of one that speaks both eras, and of one that knows nothing of the stateless one. */
export const program = programOf(false);
export const legacyProgram = programOf(true);

const servers = new Servers({}, { PATH: process.env['PATH'], TOKEN: 'abc', OTHER: 'hidden' });
export const limits = {
  maxAnswerBytes: 100_000,
  maxStreamBytes: 1_000_000,
  maxDepth: 32,
  maxArrayLength: 1000,
  timeoutMs: 5000,
};

const made: SessionUpstream[] = [];

/** Ends the children of each test after it. */
export function endAfterEach(): void {
  afterEach(async () => {
    await Promise.all(made.splice(0).map(async (each) => each.close()));
  });
}

/** What an upstream is made with in tests. */
export interface UpstreamWishes extends Partial<SessionUpstreamParts> {
  readonly command?: string[];
  readonly env?: Record<string, string>;
  readonly tell?: (line: string) => void;
}

/** An upstream whose program is the one above, or another. */
export function upstreamOf(wishes: UpstreamWishes = {}): SessionUpstream {
  const { command = [process.execPath, '-e', program], env = {}, tell, ...parts } = wishes;
  const config = { command, env, labels: {} };
  const open = programChannels(config, servers, { limits, tell: tell ?? (() => undefined) });
  const { timeoutMs } = limits;
  const upstream = new SessionUpstream({ open, per: 'session', timeoutMs, ...parts });
  made.push(upstream);
  return upstream;
}

/** What is sent, and by whom. */
export interface Sending {
  readonly verb?: 'POST' | 'GET' | 'DELETE';
  readonly body?: JsonObject;
  readonly session?: Session | undefined;
  readonly caller?: string;
  readonly signal?: AbortSignal;
  /** Aborted when the grant of the call has ended. */
  readonly ended?: AbortSignal;
  /** Told of each part as it comes. */
  readonly onPart?: (content: unknown) => void;
}

/** Sends one message, or another verb; what was said for it, and how it was taken. */
export async function send(
  to: McpUpstream,
  sending: Sending,
): Promise<{ parts: unknown[]; reply: UpstreamReply | undefined }> {
  const { body, ended, onPart, session, verb = 'POST' } = sending;
  const forwarding = ended === undefined ? openForwarding : { ...openForwarding, ended };
  let reply: UpstreamReply | undefined;
  const request = {
    verb,
    caller: sending.caller ?? 'tenant/ada',
    message: body === undefined ? undefined : readMessage({ jsonrpc: '2.0', ...body }),
    session,
    headers: {},
    signal: sending.signal ?? new AbortController().signal,
    ...unheard,
    onReply: (each: UpstreamReply) => {
      reply = each;
    },
  };
  const parts: unknown[] = [];
  for await (const { content } of to.prepare(request).forward(forwarding)) {
    parts.push(content);
    onPart?.(content);
  }
  return { parts, reply };
}

/** Sends one message; what was said for it, and how it was taken. */
export async function ask(
  to: McpUpstream,
  body: JsonObject,
  session?: Session,
  caller = 'tenant/ada',
): ReturnType<typeof send> {
  return send(to, { body, session, caller });
}

/** The result of a request. */
export async function resultOf(
  to: McpUpstream,
  body: JsonObject,
  session?: Session,
  caller?: string,
): Promise<z.infer<typeof resultSchema>['result']> {
  const { parts } = await ask(to, body, session, caller);
  return resultSchema.parse(parts.at(-1)).result;
}

const heardSchema = z.looseObject({ method: z.string().optional() });
const resultSchema = z.object({
  result: z.looseObject({
    pid: z.number().default(0),
    heard: z.array(heardSchema).default([]),
  }),
});

/** A new session. */
export async function open(to: McpUpstream, caller?: string): Promise<Session> {
  const body = { id: randomUUID(), method: 'initialize', params: {} };
  const { reply } = await ask(to, body, undefined, caller);
  return { upstreamId: reply?.issuedSessionId ?? '', sessionId: 's', client: null };
}

/** The stream of a session, as far as it was heard. */
export function listenTo(
  to: McpUpstream,
  session: Session,
  caller = 'tenant/ada',
): { readonly heard: unknown[]; stop(): Promise<void> } {
  const heard: unknown[] = [];
  const leaving = new AbortController();
  const onPart = (content: unknown): void => void heard.push(content);
  const done = send(to, { verb: 'GET', session, caller, signal: leaving.signal, onPart });
  return {
    heard,
    stop: async () => {
      leaving.abort();
      await done;
    },
  };
}
