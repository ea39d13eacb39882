import type { OutgoingRecord, PublishError } from '../event-log.js';

/** A record that waits to be sent and acknowledged. */
export interface Waiting {
  readonly record: OutgoingRecord;
  readonly bytes: number;
  /** When it is refused at the latest, on the monotonic clock, milliseconds. */
  readonly dueAt: number;
  /** True once its partition was found missing in a receipt: the next time is the last. */
  wasLeftOut: boolean;
  readonly resolve: () => void;
  readonly reject: (error: PublishError) => void;
}

/** Bytes of one request at most, so that a request stays short and below the broker's limit. */
const maxBatchBytes = 512 * 1024;
/** Bytes that may wait, whatever the number of records. */
const maxQueuedBytes = 64 * 1024 * 1024;

/** What waits to be sent, in order, by number and bytes. */
export class AppendQueue {
  readonly #waiting: Waiting[] = [];
  #bytes = 0;

  get length(): number {
    return this.#waiting.length;
  }

  get oldest(): Waiting | undefined {
    return this.#waiting[0];
  }

  hasRoomFor(bytes: number): boolean {
    return this.#bytes + bytes <= maxQueuedBytes;
  }

  add(each: Waiting): void {
    this.#waiting.push(each);
    this.#bytes += each.bytes;
  }

  /** Puts what was taken before everything else. */
  putBack(taken: readonly Waiting[]): void {
    this.#waiting.unshift(...taken);
    for (const each of taken) this.#bytes += each.bytes;
  }

  /** Takes what one request may hold: at least one record, if any waits. */
  takeBatch(): Waiting[] {
    let bytes = 0;
    let count = 0;
    for (const each of this.#waiting) {
      bytes += each.bytes;
      if (count > 0 && bytes > maxBatchBytes) break;
      count += 1;
    }
    return this.#take(count);
  }

  takeAll(): Waiting[] {
    return this.#take(this.#waiting.length);
  }

  #take(count: number): Waiting[] {
    const taken = this.#waiting.splice(0, count);
    for (const each of taken) this.#bytes -= each.bytes;
    return taken;
  }
}

/** Bytes of a record as it travels, rounded up. */
export function sizeOf({ key, value, headers }: OutgoingRecord): number {
  let bytes = 64 + value.length + Buffer.byteLength(key);
  for (const [name, text] of Object.entries(headers)) {
    bytes += 8 + Buffer.byteLength(name) + Buffer.byteLength(text);
  }
  return bytes;
}
