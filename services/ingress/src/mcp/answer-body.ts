import { pipeline, type Transform } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import type { Dispatcher } from 'undici';
import { upstreamRefusal } from './upstream.js';

type Answer = Pick<Dispatcher.ResponseData, 'body' | 'headers'>;

const decoders: ReadonlyMap<string, () => Transform> = new Map([
  ['gzip', createGunzip],
  ['x-gzip', createGunzip],
  ['deflate', createInflate],
  ['br', createBrotliDecompress],
]);

/** The media type of an answer without its parameters, in small letters; empty where none is said. */
export function mediaTypeOf({ headers }: Pick<Answer, 'headers'>): string {
  const [mediaType = ''] = String(headers['content-type'] ?? '').split(';');
  return mediaType.trim().toLowerCase();
}

/**
 * The body of an answer, unpacked: it is asked for as it is, but not every server or proxy heeds that. Whoever
 * reads it bounds what comes out.
 * @throws Refusal where it is packed in a way that is not known here.
 */
export function plainBody({ body, headers }: Answer): AsyncIterable<Uint8Array> {
  const coding = String(headers['content-encoding'] ?? '').toLowerCase();
  if (coding === '' || coding === 'identity') return body;
  const decoder = decoders.get(coding)?.();
  if (decoder === undefined) {
    const words = 'The server packed its answer in a way that is not read here.';
    throw upstreamRefusal('UPSTREAM_UNREADABLE', words, 'yes');
  }
  // Whoever reads the decoder learns of the errors of both.
  pipeline(body, decoder, () => undefined);
  return decoder;
}
