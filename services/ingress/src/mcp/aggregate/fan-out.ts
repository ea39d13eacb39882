import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { Json } from '#masking';
import type { AnswerPart } from '../../gate/call.js';
import { Refusal } from '../../gate/refusal.js';
import type { RefusalRecord } from '../../gate/refusal-record.js';
import type { Server, Servers } from '../../servers.js';
import type { Arrival } from '../arrivals.js';
import type { CallAnswer, McpCallParts } from '../call-parts.js';
import type { Intake, IntakeReader } from '../intake.js';
import { McpCall } from '../mcp-call.js';
import type { Message } from '../message.js';
import type { OpenCalls } from '../open-calls.js';
import type { Quotas } from '../quotas.js';
import { refusedRequest } from '../refused-request.js';
import type { Session } from '../session-ids.js';
import type { Member } from './aggregate-sessions.js';

/** How long one server may keep the others' answers waiting, in milliseconds. */
const standardPatienceMs = 10_000;

/** What a fan-out is made with. */
export interface FanOutParts {
  readonly reader: Pick<IntakeReader, 'share'>;
  readonly servers: Pick<Servers, 'all'>;
  readonly quotas: Quotas;
  readonly refusals: Pick<RefusalRecord, 'ofRequest'>;
  readonly open: OpenCalls;
  readonly call: McpCallParts;
  readonly patienceMs?: number;
}

/** What one server answered. */
export interface Heard {
  readonly content: Json | undefined;
  /** The session that it opened. */
  readonly opened: Session | undefined;
}

/** Keeps an answer for the one who asked several servers. */
class KeptAnswer implements CallAnswer {
  content: Json | undefined;

  expect(): void {
    // What was opened is known to the call.
  }

  mark(): void {
    // No stream of one server is given out.
  }

  progress(): void {
    // Nobody waits for a single server.
  }

  async release(part: AnswerPart): Promise<void> {
    if (part.last) this.content = part.content;
  }
}

/** A server, and its part in the session that a request belongs to. */
export interface Target {
  readonly server: Server;
  readonly member: Member;
}

/** Says one message to several servers, to each as a call of its own: judged, recorded, masked. */
export class FanOut {
  constructor(private readonly parts: FanOutParts) {}

  /** The servers that a request is for: those of its session, else all that there are now. */
  targets(members: ReadonlyMap<string, Member> | undefined): readonly Target[] {
    const all = this.parts.servers.all();
    if (members === undefined) return all.map((server) => ({ server, member: withoutSession }));
    return all.flatMap((server) => {
      const member = members.get(server.name);
      return member === undefined ? [] : [{ server, member }];
    });
  }

  /** The part of a message that is for one server, in the version that it agreed to. @throws Refusal */
  share(arrival: Arrival, { member, server }: Target, message: Message | undefined): Intake {
    const { session, version } = member;
    const agreed = version === undefined ? {} : { 'mcp-protocol-version': version };
    const headers = { ...arrival.headers, ...agreed };
    return this.parts.reader.share({ ...arrival, headers }, server, session, message);
  }

  /** What a server answers to a message; undefined where it refuses, or takes too long. The record says why. */
  async ask(arrival: Arrival, target: Target, message: Message): Promise<Heard | undefined> {
    return this.say(this.share(arrival, target, message));
  }

  /** The same of a part that is there already. */
  async say(intake: Intake): Promise<Heard | undefined> {
    const callId = randomUUID();
    try {
      const giveBack = await this.#place(callId, intake);
      return await this.#answer(callId, intake, giveBack);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      return undefined;
    }
  }

  /** A place for a call; returns how to give it back. @throws Refusal, on record */
  async #place(callId: string, { operation, principal, server }: Intake): Promise<() => void> {
    try {
      return this.parts.quotas.take({ principal, server, kind: 'call' });
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      const asked = refusedRequest(callId, { operation, principal, server }, null);
      await this.parts.refusals.ofRequest(asked, error);
      throw error;
    }
  }

  async #answer(callId: string, intake: Intake, giveBack: () => void): Promise<Heard | undefined> {
    const answer = new KeptAnswer();
    const call = new McpCall(callId, intake, answer, this.parts.call);
    const stop = new AbortController();
    const { patienceMs = standardPatienceMs } = this.parts;
    const late = pause(patienceMs, 'late' as const, { signal: stop.signal });
    late.catch(() => undefined);
    // One that nobody waits for any more may run on, and keeps its place for as long.
    const running = this.parts.open.run(call).finally(giveBack);
    running.catch(() => undefined);
    try {
      if ((await Promise.race([running, late])) !== 'late') {
        return { content: answer.content, opened: call.opened };
      }
      call.clientLeft();
      return undefined;
    } finally {
      stop.abort();
    }
  }
}

const withoutSession: Member = { session: undefined, version: undefined };
