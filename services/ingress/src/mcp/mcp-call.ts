import type { Response } from 'express';
import { sessionClosed, sessionOpened } from '#contracts';
import type { Bus } from '#bus';
import type { Json } from '#masking';
import type { AnswerPart, AskedCall, Caller, Forwarding, Upstream } from '../gate/call.js';
import type { Gate } from '../gate/gate.js';
import type { RefusalRecord } from '../gate/refusal-record.js';
import { type CallsInFlight, flightKey } from './calls-in-flight.js';
import type { ClientAnswer } from './client-answer.js';
import { isModern } from './era.js';
import type { Intake } from './intake.js';
import { isObject, objectAt, saysError } from './message.js';
import type { Session, SessionIds } from './session-ids.js';
import { type Relabelled, relabelled } from './relabel.js';
import type { McpUpstream, UpstreamReply } from './upstream.js';
import type { Upstreams } from './upstreams.js';

/** How long calls wait for people, and how often a waiting client is told, in milliseconds. */
export interface HoldSettings {
  readonly holdWithProgressMs: number;
  readonly holdSilentMs: number;
  readonly progressMs: number;
}

/** What every call is made with. */
export interface McpCallParts {
  readonly gate: Gate;
  readonly bus: Bus;
  readonly instance: string;
  readonly upstreams: Upstreams;
  readonly inFlight: CallsInFlight;
  readonly sessionIds: SessionIds;
  readonly refusals: RefusalRecord;
  readonly hold: HoldSettings;
}

/** One message of a client on its way through the gate and back. */
export class McpCall implements Caller {
  readonly #withdrawal = new AbortController();
  readonly #unwanted = new AbortController();
  readonly withdrawn = this.#withdrawal.signal;
  readonly holdMs: number;
  #hasRun = false;
  #opened: Session | undefined;
  #showsProgress: NodeJS.Timeout | undefined;

  constructor(
    private readonly callId: string,
    private readonly intake: Intake,
    private readonly answer: ClientAnswer,
    private readonly parts: McpCallParts,
  ) {
    const { holdSilentMs, holdWithProgressMs } = parts.hold;
    this.holdMs = this.#progressToken() === undefined ? holdSilentMs : holdWithProgressMs;
  }

  /** Takes the call through the gate. @throws Refusal, on record. */
  async run(response: Response): Promise<void> {
    const { server, message } = this.intake;
    const upstream = this.parts.upstreams.of(server);
    response.on('close', () => this.#clientLeft());
    if (response.destroyed) this.#clientLeft();
    const remove = this.#announce();
    try {
      await this.parts.gate.pass(this.#asked(), this.#guarded(upstream), this, saysError);
      if (this.intake.verb === 'DELETE') this.#recordClosed();
      if (message?.kind === 'request' && message.method === 'initialize') this.#recordOpened();
    } finally {
      clearInterval(this.#showsProgress);
      remove();
    }
  }

  /** The gateway stops: what has not run is given up, streams end; a call that runs may finish. */
  stop(): void {
    this.#withdrawal.abort('gateway');
    if (this.intake.verb === 'GET') this.#unwanted.abort();
  }

  onPending(approvalId: string): void {
    const token = this.#progressToken();
    if (token === undefined) return;
    const text = `Waiting for an approval (${approvalId}).`;
    this.answer.progress(token, text);
    const { progressMs } = this.parts.hold;
    this.#showsProgress = setInterval(() => this.answer.progress(token, text), progressMs).unref();
  }

  async release(part: AnswerPart): Promise<void> {
    await this.answer.release(part);
  }

  #asked(): AskedCall {
    const { operation, principal, server, session } = this.intake;
    return {
      ...operation,
      callId: this.callId,
      protocol: 'mcp',
      server: server.name,
      labels: server.labels,
      sessionId: session?.sessionId ?? null,
      parentCallId: null,
      principal,
      client: this.#clientInfo(),
    };
  }

  /** The upstream, with the moment noted from which the call can no longer be taken back. */
  #guarded(upstream: McpUpstream): Upstream {
    const { verb, session, headers, principal } = this.intake;
    const caller = `${principal.tenantId}/${principal.objectId}`;
    const own = this.intake.message && relabelled(this.intake.message, this.callId);
    const signal = this.#unwanted.signal;
    const onReply = (reply: UpstreamReply): void => this.#expect(reply);
    const request = { verb, caller, message: own?.message, session, headers, signal, onReply };
    const prepared = upstream.prepare(request);
    const forward = (forwarding: Forwarding): AsyncIterable<AnswerPart> => {
      this.#hasRun = true;
      clearInterval(this.#showsProgress);
      const parts = prepared.forward(forwarding);
      return own === undefined ? parts : restored(parts, own);
    };
    return { forward };
  }

  #expect(reply: UpstreamReply): void {
    const { server, principal } = this.intake;
    if (reply.issuedSessionId === undefined || !this.#isInitialize()) {
      this.answer.expect(reply, undefined);
      return;
    }
    const issued = this.parts.sessionIds.issue(reply.issuedSessionId, server.name, principal);
    this.#opened = issued.session;
    this.answer.expect(reply, issued.id);
  }

  /** Lets the client take its request back while it waits; returns how to end that. */
  #announce(): () => void {
    const { message, principal, server, session } = this.intake;
    if (message?.kind !== 'request') return () => undefined;
    const key = flightKey(principal, server.name, session?.sessionId ?? null, message.id);
    const call = {
      withdraw: () => {
        if (this.#hasRun) return false;
        this.#withdrawal.abort();
        return true;
      },
      callId: this.callId,
    };
    this.parts.inFlight.add(key, call);
    return () => this.parts.inFlight.remove(key, call);
  }

  /**
   * A call that has not run is given up. One that runs goes on in the older era, where a lost connection
   * is no cancellation; in the stateless era, and for a stream, it is.
   */
  #clientLeft(): void {
    if (!this.#hasRun) this.#withdrawal.abort();
    const isStream = this.intake.verb === 'GET';
    if (isStream || isModern(this.intake.message)) this.#unwanted.abort();
  }

  #isInitialize(): boolean {
    const { message } = this.intake;
    return message?.kind === 'request' && message.method === 'initialize';
  }

  #progressToken(): Json | undefined {
    const { message } = this.intake;
    if (message?.kind !== 'request' || this.#isInitialize()) return undefined;
    const token = objectAt(objectAt(message.body, 'params'), '_meta')['progressToken'];
    return typeof token === 'string' || typeof token === 'number' ? token : undefined;
  }

  #clientInfo(): AskedCall['client'] {
    const { message } = this.intake;
    const params = message === undefined ? {} : objectAt(message.body, 'params');
    const meta = objectAt(params, '_meta');
    const info = params['clientInfo'] ?? meta['io.modelcontextprotocol/clientInfo'];
    if (!isObject(info)) return null;
    return { name: shortText(info['name'], 200), version: shortText(info['version'], 100) };
  }

  #recordOpened(): void {
    const { operation, principal, server } = this.intake;
    if (this.#opened === undefined) return;
    const asked = isObject(operation.arguments)
      ? operation.arguments['protocolVersion']
      : undefined;
    const data = {
      sessionId: this.#opened.sessionId,
      ingress: this.parts.instance,
      protocol: 'mcp',
      protocolVersion: typeof asked === 'string' ? asked : null,
      server: server.name,
      principal,
      client: this.#clientInfo(),
    };
    this.parts.refusals.later(async () => this.parts.bus.publish(sessionOpened, data));
  }

  #recordClosed(): void {
    const { principal, server, session } = this.intake;
    if (session === undefined) return;
    const data = {
      sessionId: session.sessionId,
      ingress: this.parts.instance,
      server: server.name,
      principal,
      reason: 'client' as const,
    };
    this.parts.refusals.later(async () => this.parts.bus.publish(sessionClosed, data));
  }
}

/** Text that a client says of itself, cut: it goes into every record. */
function shortText(value: Json | undefined, maxLength: number): string {
  return typeof value === 'string' ? value.slice(0, maxLength) : '';
}

async function* restored(
  parts: AsyncIterable<AnswerPart>,
  own: Relabelled,
): AsyncGenerator<AnswerPart> {
  for await (const part of parts) yield { ...part, content: own.restore(part.content) };
}
