import { setTimeout as pause } from 'node:timers/promises';
import { PublishError } from '#bus';
import { callCancelled, callFailed, type Principal } from '#contracts';
import type { AskedCall } from './call.js';
import type { GateParts } from './gate-settings.js';
import type { Refusal, RefusalCode } from './refusal.js';

/** What is known of a request that was refused before it became a call. */
export interface RefusedRequest {
  readonly callId: string;
  readonly server: string | null;
  readonly method: string | null;
  readonly resource: string | null;
  readonly principal: Principal | null;
  readonly remoteAddress: string | null;
}

const pausesMs = [100, 500, 2000, 5000, 10_000, 20_000, 30_000];

/** Ends of calls that run for which their server is not to blame. */
const ownDoing: ReadonlySet<RefusalCode> = new Set(['CANCELLED', 'GRANT_ENDED']);

/** Of errors whose message quotes no answer. */
const plainCode =
  /^(E[A-Z]+|UND_ERR_\w+|CREDENTIAL_UNAVAILABLE|CONNECT_FAILED|ADDRESS_REFUSED|REDIRECT_REFUSED)$/;

/** Ends of calls that may wait for the log at once. */
const maxOpen = 5000;

/** Writes the end of calls: refusals, and what may be written after the client has its answer. */
export class RefusalRecord {
  readonly #open = new Set<Promise<void>>();

  constructor(
    private readonly gate: Pick<GateParts, 'bus' | 'instance'>,
    private readonly report: (error: unknown) => void,
    /** Told why a server gave no answer, in words for whoever runs it. */
    private readonly warn: (words: string) => void,
  ) {}

  /** Records why a call got no answer. Never throws: the caller is refused either way. */
  async of(call: AskedCall, refusal: Refusal): Promise<void> {
    if (refusal.stage === 'upstream' && !ownDoing.has(refusal.code)) {
      this.warn(`${call.server}, call ${call.callId}: ${refusal.code}${causeOf(refusal)}`);
    }
    if (refusal.code === 'CANCELLED' && refusal.stage !== 'intake') {
      await this.#cancelled(call, refusal.stage, refusal);
      return;
    }
    await this.ofRequest({ ...call, remoteAddress: null }, refusal);
  }

  /** Tells whoever runs the gateway of an error that nobody foresaw. */
  unforeseen(error: unknown): void {
    this.report(error);
  }

  /** Records a refusal of a request, also of one that nobody could read. Never throws. */
  async ofRequest(request: RefusedRequest, refusal: Refusal): Promise<void> {
    const { callId, server, method, resource, principal, remoteAddress } = request;
    const data = {
      callId,
      ingress: this.gate.instance,
      code: refusal.code,
      message: recordedMessage(refusal),
      stage: refusal.stage,
      executed: refusal.executed,
      server,
      method,
      resource,
      principal,
      approvalId: refusal.approvalId ?? null,
      remoteAddress,
    };
    const publish = async (): Promise<unknown> => this.gate.bus.publish(callFailed, data);
    // Whoever has no identity may fill no memory: what cannot be recorded at once is only reported.
    if (principal === null) await publish().catch((error: unknown) => this.report(error));
    else await this.#now(publish);
  }

  /** Writes in the background, again after pauses when the log does not answer. */
  later(publish: () => Promise<unknown>): void {
    if (this.#open.size >= maxOpen) {
      this.report(new Error('too many ends of calls wait for the log; one was not recorded'));
      return;
    }
    const work = this.#keepTrying(publish).finally(() => this.#open.delete(work));
    this.#open.add(work);
  }

  /** Resolves when nothing is left to write, or was given up and reported. */
  async settled(): Promise<void> {
    await Promise.all(this.#open);
  }

  async #cancelled(
    call: AskedCall,
    stage: Exclude<Refusal['stage'], 'intake'>,
    { by, executed }: Refusal,
  ): Promise<void> {
    const data = {
      callId: call.callId,
      ingress: this.gate.instance,
      by,
      stage,
      executed,
    };
    await this.#now(async () => this.gate.bus.publish(callCancelled, data));
  }

  /** Tries once at once; what the log refuses now is written as soon as it can be. */
  async #now(publish: () => Promise<unknown>): Promise<void> {
    try {
      await publish();
    } catch (error) {
      this.report(error);
      this.later(publish);
    }
  }

  async #keepTrying(publish: () => Promise<unknown>): Promise<void> {
    for (const wait of [0, ...pausesMs]) {
      if (wait > 0) await pause(wait);
      try {
        await publish();
        return;
      } catch (error) {
        this.report(error);
        if (error instanceof PublishError && error.code === 'LOG_CLOSED') return;
      }
    }
  }
}

/**
 * What lies behind a refusal. Errors of the system, the HTTP client and of credentials name addresses and
 * variables; the message of any other may quote an answer and stays out of the log.
 */
function causeOf({ cause, message }: Refusal): string {
  if (!(cause instanceof Error)) return ` (${message})`;
  const code = 'code' in cause ? String(cause.code) : '';
  return plainCode.test(code)
    ? ` (${message} ${code}: ${cause.message})`
    : ` (${message} ${cause.name})`;
}

/** An approver's reason is for the caller and for auditors, who find it in `call.refused`. */
function recordedMessage({ code, message }: Refusal): string {
  return code === 'APPROVAL_REFUSED' ? 'Refused by an approver.' : message;
}
