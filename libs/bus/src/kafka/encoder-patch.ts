import { kafkajsClass, memberOf, replaceMethod } from './kafkajs-internals.js';

interface Encoder {
  buf: Buffer;
  readonly offset: number;
}

const smallest = 512;

let isPatched = false;

/**
 * Spares kafkajs the zeros in buffers that it writes over anyway, and the first buffer of encoders that
 * grow at once: it copies each record about six times, each time into new memory. What it sends is
 * what it wrote; nothing behind that leaves the process. Call before the first connection; further
 * calls do nothing.
 * @throws Error when kafkajs is not as it was when this was proven.
 */
export function patchEncoder(): void {
  if (isPatched) return;
  const encoder = kafkajsClass('protocol/encoder.js');
  replaceMethod(memberOf(encoder, 'prototype'), 'ensureAvailable', ensureAvailable);
  // Asked for the size of the first buffer alone, once the method above is in place.
  replaceMethod(encoder, 'nextPowerOfTwo', () => 0);
  isPatched = true;
}

function ensureAvailable(this: Encoder, length: number): void {
  const needed = this.offset + length;
  if (needed <= this.buf.length) return;
  const grown = Buffer.allocUnsafe(Math.max(smallest, 2 * this.buf.length, needed));
  this.buf.copy(grown, 0, 0, this.offset);
  this.buf = grown;
}
