import {
  callAnswered,
  type Envelope,
  type MaskObligation,
  PartAssembly,
  toChunks,
} from '#contracts';
import type { Json } from '#masking';
import { sealContext } from '#trust';
import type { AnswerPart, Caller } from './call.js';
import type { GateLimits, GateParts } from './gate-settings.js';
import { recorded } from './record.js';
import { Refusal } from './refusal.js';
import { WaitEnded, type GateEvents, type Waiter } from './waiters.js';

/** Parts that may be on their way through masking at once; the upstream waits beyond it. */
const window = 8;

/** What the client was given. */
export interface Relayed {
  readonly parts: number;
  readonly bytes: number;
  /** True when the answering part says that the upstream failed. */
  readonly isError: boolean;
}

/** Everything that stays the same for one answer. */
export interface RelayContext {
  readonly callId: string;
  readonly mask: MaskObligation;
  /** `call.forwarded`, the cause of every part. */
  readonly cause: Envelope;
  readonly waiter: Waiter;
}

interface MaskedPart {
  readonly value: Json;
  readonly bytes: number;
}

/** Takes an upstream's parts through masking and releases what comes back, in order (law 4). */
export class AnswerRelay {
  #parts = 0;
  #bytes = 0;
  #isError = false;
  #released: Promise<void> = Promise.resolve();
  #inFlight = 0;
  #failure: { readonly error: unknown } | undefined;

  constructor(
    private readonly gate: GateParts,
    private readonly limits: GateLimits,
    private readonly context: RelayContext,
    private readonly caller: Caller,
    private readonly saysError: (content: Json) => boolean,
  ) {}

  /** Relays every part. @throws Refusal when a part cannot be recorded, masked or read. */
  async relay(parts: AsyncIterable<AnswerPart>): Promise<Relayed> {
    try {
      for await (const part of parts) {
        this.#throwFailure();
        await this.#send(part);
        this.#release(part);
        if (this.#inFlight >= window) await this.#released;
      }
    } finally {
      await this.#released;
    }
    this.#throwFailure();
    return { parts: this.#parts, bytes: this.#bytes, isError: this.#isError };
  }

  async #send(part: AnswerPart): Promise<void> {
    const { callId, mask, cause } = this.context;
    const text = JSON.stringify(part.content);
    if (text.length > this.limits.maxAnswerBytes) {
      throw new Refusal('ANSWER_TOO_LARGE', 'upstream', 'The answer is larger than allowed.', {
        executed: 'yes',
      });
    }
    const number = this.#parts++;
    const sealed = this.gate.answersSealer.seal(text, sealContext(callId, number, part.last, mask));
    const chunks = toChunks(sealed);
    for (const [chunk, piece] of chunks.entries()) {
      const data = {
        callId,
        ingress: this.gate.instance,
        part: number,
        last: part.last,
        chunk,
        chunks: chunks.length,
        mask,
        sealed: piece,
      };
      await recorded('mask', async () => this.gate.bus.publish(callAnswered, data, cause), 'yes');
    }
  }

  #release(part: AnswerPart): void {
    const masked = this.#masked(this.#parts - 1);
    // Its rejection is taken up when its turn comes.
    masked.catch(() => undefined);
    this.#inFlight += 1;
    this.#released = this.#releaseAfter(this.#released, part, masked);
  }

  /** Parts are released one after another; after a failure none is. Never rejects. */
  async #releaseAfter(
    before: Promise<void>,
    part: AnswerPart,
    masked: Promise<MaskedPart>,
  ): Promise<void> {
    await before;
    try {
      if (this.#failure !== undefined) return;
      const { bytes, value } = await masked;
      this.#bytes += bytes;
      this.#isError ||= part.last && this.saysError(value);
      await this.caller.release({ ...part, content: value });
    } catch (error) {
      this.#failure ??= { error };
    } finally {
      this.#inFlight -= 1;
    }
  }

  async #masked(part: number): Promise<MaskedPart> {
    let assembly: PartAssembly | undefined;
    for (;;) {
      const { data } = await this.#nextMasked(part);
      if (data.withheld !== null) {
        throw withheld(`The answer was withheld: ${data.withheld.message}`);
      }
      assembly ??= new PartAssembly(data.chunks);
      const { chunk, chunks, content } = data;
      const text = assembly.add({ chunk, chunks, text: content });
      if (text === undefined) continue;
      const value: Json = JSON.parse(text);
      return { value, bytes: Buffer.byteLength(text) };
    }
  }

  async #nextMasked(part: number): Promise<GateEvents['masked']> {
    try {
      const found = await this.context.waiter.next(
        (each) => each.kind === 'masked' && each.event.data.part === part,
        this.limits.maskTimeoutMs,
      );
      if (found.kind === 'masked') return found.event;
      throw new TypeError('another kind of event was handed over');
    } catch (cause) {
      if (!(cause instanceof WaitEnded)) throw cause;
      throw withheld('The answer could not be masked in time and is withheld.', cause);
    }
  }

  #throwFailure(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }
}

function withheld(message: string, cause?: unknown): Refusal {
  return new Refusal('ANSWER_WITHHELD', 'mask', message, { executed: 'yes' }, { cause });
}
