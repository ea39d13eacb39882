import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { z } from 'zod';
import { rest } from '../stack/http.js';
import { type Caller, callTool } from './client.js';
import type { ClientCall } from './history.js';

/** A run of calls by several callers at once. */
export interface Load {
  readonly caller: Caller;
  readonly calls: number;
  readonly callers: number;
  /** Every so many calls one needs a signature. */
  readonly signedEvery: number;
  /** Once so many calls have ended, this happens beside the others. */
  readonly event: { readonly afterCalls: number; readonly happens: () => Promise<void> };
  /** Resolves when it makes sense to ask again after a broken connection. */
  readonly reachable: () => Promise<void>;
}

/** A polite client does not ask again at once after a refusal; milliseconds. */
const refusedPauseMs = 400;

/** Makes the calls and gives what became of each. */
export async function run(load: Load): Promise<ClientCall[]> {
  const ended: ClientCall[] = [];
  let started = 0;
  let happened: Promise<void> | undefined;
  const work = async (): Promise<void> => {
    while (started < load.calls) {
      started += 1;
      const call = await oneCall(load.caller, started % load.signedEvery === 0);
      ended.push(call);
      if (ended.length >= load.event.afterCalls) happened ??= begun(load.event.happens());
      if (call.outcome.kind === 'lost') await load.reachable();
      if (call.outcome.kind === 'refused') await pause(refusedPauseMs);
    }
  };
  await Promise.all(Array.from({ length: load.callers }, work));
  await happened;
  return ended;
}

/** Its failure is reported when the run is over, not before. */
function begun(event: Promise<void>): Promise<void> {
  event.catch(() => undefined);
  return event;
}

/** One call under a nonce of its own. */
export async function oneCall(caller: Caller, isSigned = false): Promise<ClientCall> {
  const nonce = `nonce-${randomUUID()}`;
  return callTool(caller, isSigned ? 'signed_echo' : 'echo', { nonce, text: 'room 12' });
}

const approvalsSchema = z.object({ approvals: z.array(z.object({ id: z.string() })) });

/** Signs whatever waits for a signature until stopped; an approver who is told to try again does so. */
export function startApprover(url: string, token: string): { stop(): Promise<void> } {
  const stopping = new AbortController();
  const sign = async (): Promise<void> => {
    const { body } = await rest(`${url}/v1/approvals?status=pending&limit=200`, token);
    for (const { id } of approvalsSchema.parse(body).approvals) {
      const decision = { decision: 'approve', reason: 'guest asked for it' };
      await rest(`${url}/v1/approvals/${id}/decision`, token, { method: 'POST', body: decision });
    }
  };
  const work = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      await sign().catch(() => undefined);
      await pause(200);
    }
  };
  const done = work();
  return {
    stop: async () => {
      stopping.abort();
      await done;
    },
  };
}
