import { setTimeout as pause } from 'node:timers/promises';
import * as v2 from '@modelcontextprotocol/client';
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as HttpV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { z } from 'zod';
import { ask, type ModernClient } from './modern-client.js';

/** A call that people have to sign, and how its client waits for them. */
export interface PatientCall {
  readonly url: string;
  readonly token: string;
  readonly tool: string;
  readonly order: string;
  /** The client's own limit for one request, milliseconds. */
  readonly timeoutMs: number;
  /** How long it lets pass at most before it makes the same call again, milliseconds. */
  readonly retryMs: number;
  /** The client has learned that it has to wait: a note on progress, a task, a result that says so. */
  readonly onWaiting: () => void;
}

/** What a call came to, and everything that was learned on the way. */
type Patient = (call: PatientCall) => Promise<string>;

const pendingSchema = z.object({
  _meta: z.object({
    'countersign/refusal': z.object({
      code: z.literal('APPROVAL_PENDING'),
      retryAfterMs: z.number(),
      url: z.url(),
    }),
  }),
});
const taskSchema = z.looseObject({
  taskId: z.string(),
  status: z.enum(['working', 'completed', 'failed', 'cancelled']),
  pollIntervalMs: z.number(),
});
const clientInfo = { name: 'patient', version: '1.0.0' };

/** Every kind of client that can wait for people, each in its own way. */
export const patients: Readonly<Record<string, Patient>> = {
  'sdk v1 that shows progress': async (call) =>
    withV1(call, async (client, ask) =>
      JSON.stringify(await client.callTool(ask, undefined, progressing(call))),
    ),
  'sdk v1 that shows none': async (call) =>
    withV1(call, async (client, ask) =>
      again(call, async () => client.callTool(ask, undefined, { timeout: call.timeoutMs })),
    ),
  'client v2 that shows progress': async (call) =>
    withV2(call, async (client, ask) =>
      JSON.stringify(await client.callTool(ask, progressing(call))),
    ),
  'client v2 that shows none': async (call) =>
    withV2(call, async (client, ask) =>
      again(call, async () => client.callTool(ask, { timeout: call.timeoutMs })),
    ),
  'client that takes tasks': withTasks,
};

/** A model that is told "pending" makes the same call again. */
async function again(call: PatientCall, once: () => Promise<unknown>): Promise<string> {
  for (;;) {
    const result = await once();
    const pending = pendingSchema.safeParse(result);
    if (!pending.success) return JSON.stringify(result);
    call.onWaiting();
    const { retryAfterMs } = pending.data._meta['countersign/refusal'];
    await pause(Math.min(retryAfterMs, call.retryMs));
  }
}

function progressing({ onWaiting, timeoutMs }: PatientCall) {
  return { timeout: timeoutMs, resetTimeoutOnProgress: true, onprogress: onWaiting };
}

type Asked = { name: string; arguments: Record<string, unknown> };

function askedOf({ order, tool }: PatientCall): Asked {
  return { name: tool, arguments: tool === 'refund_order' ? { order, amount: 5 } : { order } };
}

async function withV1(
  call: PatientCall,
  use: (client: ClientV1, ask: Asked) => Promise<string>,
): Promise<string> {
  const client = new ClientV1(clientInfo);
  const requestInit = { headers: { authorization: `Bearer ${call.token}` } };
  await client.connect(new HttpV1(new URL(call.url), { requestInit }));
  try {
    return await use(client, askedOf(call));
  } finally {
    await client.close();
  }
}

async function withV2(
  call: PatientCall,
  use: (client: v2.Client, ask: Asked) => Promise<string>,
): Promise<string> {
  const versionNegotiation = { mode: { pin: '2026-07-28' } } as const;
  const client = new v2.Client(clientInfo, { versionNegotiation });
  const requestInit = { headers: { authorization: `Bearer ${call.token}` } };
  await client.connect(new v2.StreamableHTTPClientTransport(new URL(call.url), { requestInit }));
  try {
    return await use(client, askedOf(call));
  } finally {
    await client.close();
  }
}

/** Speaks the tasks extension (ext-tasks 2026-07-28): asks after its task as often as it is told to. */
async function withTasks(call: PatientCall): Promise<string> {
  const client: ModernClient = { url: call.url, token: call.token, tasks: true };
  const created = await ask(client, 'tools/call', askedOf(call));
  let task = taskSchema.parse(created.result);
  while (task.status === 'working') {
    call.onWaiting();
    await pause(task.pollIntervalMs);
    const { result } = await ask(client, 'tasks/get', { taskId: task.taskId });
    task = taskSchema.parse(result);
  }
  return JSON.stringify(task['result']);
}
