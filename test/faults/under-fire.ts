import { setTimeout as pause } from 'node:timers/promises';
import { z } from 'zod';
import { rest, type RestAnswer } from '../stack/http.js';
import { callTool } from './client.js';
import type { ClientCall } from './history.js';

/** What is to become of a call's approval. */
export type Fate = 'approve' | 'refuse' | 'withdraw' | 'expire';

/** What was tried on an approval and acknowledged. */
export interface Decision {
  readonly approvalId: string;
  readonly nonce: string;
  readonly fate: Fate;
}

/** Where things are asked, any of them, and as whom. */
export interface People {
  readonly approvals: readonly string[];
  readonly approver: string;
  readonly requester: string;
}

const argumentsSchema = z.object({ nonce: z.string() });
const pageSchema = z.object({
  approvals: z.array(z.looseObject({ id: z.string(), maskedArguments: argumentsSchema })),
  next: z.string().nullable(),
});

const lookPauseMs = 300;
/** A few at a time, so that decisions fall over the whole of the fire. */
const atOnce = 4;

/**
 * People who decide each call by its fate, once, whichever replica answers: a press whose answer is lost is made
 * again elsewhere. A second approval of the same call is refused, so that no call may run twice by anybody's leave.
 */
export class Deciders {
  readonly acknowledged: Decision[] = [];
  /** Every press that was sent, acknowledged or not. */
  presses = 0;
  readonly #seen = new Set<string>();
  readonly #decidedNonces = new Set<string>();
  readonly #stopping = new AbortController();
  #running: Promise<void> | undefined;

  constructor(
    private readonly people: People,
    private readonly fateOf: (nonce: string) => Fate,
  ) {}

  start(): void {
    this.#running = this.#work();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  async #work(): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      const found = await this.#pending().catch(() => []);
      const fresh = found.filter(({ id }) => !this.#seen.has(id));
      const chosen = fresh.toSorted(() => Math.random() - 0.5).slice(0, atOnce);
      await Promise.all(chosen.map(async (each) => this.#decide(each)));
      await pause(lookPauseMs);
    }
  }

  async #pending(): Promise<{ id: string; nonce: string }[]> {
    const found: { id: string; nonce: string }[] = [];
    const url = `${anyOf(this.people.approvals)}/v1/approvals?status=pending&limit=200`;
    let cursor = '';
    for (;;) {
      const { body, status } = await rest(`${url}${cursor}`, this.people.approver);
      if (status !== 200) return found;
      const { approvals, next } = pageSchema.parse(body);
      found.push(...approvals.map(({ id, maskedArguments: { nonce } }) => ({ id, nonce })));
      if (next === null) return found;
      cursor = `&cursor=${next}`;
    }
  }

  async #decide({ id, nonce }: { id: string; nonce: string }): Promise<void> {
    this.#seen.add(id);
    const fate = this.#decidedNonces.has(nonce) ? 'refuse' : this.fateOf(nonce);
    this.#decidedNonces.add(nonce);
    if (fate === 'expire') return;
    const status = await this.#insist(id, fate);
    if (status === 200) this.acknowledged.push({ approvalId: id, nonce, fate });
  }

  /** Presses until somebody answers for good. */
  async #insist(id: string, fate: Fate): Promise<number> {
    for (;;) {
      this.presses += 1;
      const answer = await this.#press(id, fate).catch(() => undefined);
      if (answer !== undefined && answer.status < 500) return answer.status;
      await pause(lookPauseMs);
    }
  }

  async #press(id: string, fate: Fate): Promise<RestAnswer> {
    const url = `${anyOf(this.people.approvals)}/v1/approvals/${id}`;
    const { approver, requester } = this.people;
    if (fate === 'withdraw') return rest(`${url}/withdrawal`, requester, { method: 'POST' });
    const decision = fate === 'approve' ? 'approve' : 'refuse';
    const body = { decision, reason: 'as planned' };
    return rest(`${url}/decision`, approver, { method: 'POST', body });
  }
}

/** A client that makes one call again, as it is told, until it knows how it ended, or `isOver` says that it may stop. */
export async function persistentCall(
  urls: readonly string[],
  token: string,
  nonce: string,
  isOver: () => boolean,
): Promise<ClientCall[]> {
  const made: ClientCall[] = [];
  while (!isOver()) {
    const caller = { url: `${anyOf(urls)}/mcp/spy`, token };
    const call = await callTool(caller, 'signed_echo', { nonce, text: 'room 12' });
    made.push(call);
    if (isFinal(call)) return made;
    await pause(politePauseMs(call));
  }
  return made;
}

const passing = new Set([
  'APPROVAL_PENDING',
  'APPROVAL_STALE',
  'APPROVAL_TIMEOUT',
  'VERDICT_TIMEOUT',
  'RECORD_UNAVAILABLE',
  'OVERLOADED',
  'CANCELLED',
  'IDENTITY_UNAVAILABLE',
]);

/** As long as the gateway asks, though not a minute: the test has an end. */
function politePauseMs({ text }: ClientCall): number {
  const [, asked = '1000'] = /"retryAfterMs":(\d+)/.exec(text) ?? [];
  return Math.min(Number(asked), 5000) * (0.5 + Math.random());
}

/** Whether a client would stop here: answered, or refused for good. */
function isFinal({ outcome }: ClientCall): boolean {
  if (outcome.kind === 'lost') return false;
  return outcome.kind === 'answered' || !passing.has(outcome.code);
}

/** One of several, by chance. */
export function anyOf<T>(all: readonly T[]): T {
  const found = all[Math.floor(Math.random() * all.length)];
  if (found === undefined) throw new TypeError('nothing to choose from');
  return found;
}
