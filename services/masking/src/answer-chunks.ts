import { PartAssembly } from '#contracts';

/** One chunk of a sealed part, as `call.answered` carries it. */
export interface AnswerChunk {
  readonly callId: string;
  readonly part: number;
  readonly chunk: number;
  readonly chunks: number;
  readonly sealed: string;
}

/** Parts that may be half here at once; the oldest is forgotten first, and then withheld. */
const maxOpenParts = 512;

/** Puts parts together whose chunks come one by one. */
export class AnswerChunks {
  readonly #open = new Map<string, PartAssembly>();

  /** The whole sealed part when `chunk` is its last; undefined while some are missing. */
  add({ callId, part, chunk, chunks, sealed }: AnswerChunk): string | undefined {
    if (chunks === 1) return sealed;
    const key = `${callId}/${part}`;
    const assembly = this.#open.get(key) ?? new PartAssembly(chunks);
    const whole = assembly.add({ chunk, chunks, text: sealed });
    if (whole === undefined) this.#open.set(key, assembly);
    else this.#open.delete(key);
    this.#forgetOldest();
    return whole;
  }

  #forgetOldest(): void {
    if (this.#open.size <= maxOpenParts) return;
    const [oldest] = this.#open.keys();
    if (oldest !== undefined) this.#open.delete(oldest);
  }
}
