import { hash } from 'node:crypto';
import canonicalize from 'canonicalize';

/** Thrown for a value that has no canonical JSON form (a function, NaN, a lone surrogate). */
export class CanonicalError extends TypeError {
  override readonly name = 'CanonicalError';
}

/**
 * Canonical JSON (RFC 8785): members sorted, no white space, one form for each value.
 * @throws CanonicalError when the value is not JSON.
 */
export function canonicalJson(value: unknown): string {
  const text = canonicalize(value);
  if (text === undefined) throw new CanonicalError('the value has no canonical JSON form');
  return text;
}

/** SHA-256 of UTF-8 text or bytes, lower-case hexadecimal. */
export function sha256(content: string | Uint8Array): string {
  return hash('sha256', content, 'hex');
}

/** What is asked, in words for all protocols: exactly this is judged, signed and sent. */
export interface AskedOperation {
  readonly protocol: string;
  readonly server: string;
  readonly method: string;
  readonly resource: string;
  readonly kind: 'statement' | 'session';
  readonly arguments: unknown;
  /** What else goes upstream with the call, in the protocol's own words. */
  readonly extras: unknown;
  readonly facts: unknown;
}

/** The arguments digest: SHA-256 over the canonical JSON of what is asked (law 5). */
export function callDigest(asked: AskedOperation): string {
  const { protocol, server, method, resource, kind, arguments: args, extras, facts } = asked;
  return sha256(
    canonicalJson({ protocol, server, method, resource, kind, arguments: args, extras, facts }),
  );
}
