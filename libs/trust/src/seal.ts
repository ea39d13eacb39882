import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  createSecretKey,
  hkdfSync,
  type KeyObject,
  randomFillSync,
} from 'node:crypto';
import { canonicalJson } from './digest.js';

const ivBytes = 12;
const tagBytes = 16;

/** Random IVs, many from each question to the operating system, since a question costs as much as a seal. */
class RandomIvs {
  readonly #bytes = Buffer.alloc(256 * ivBytes);
  #used = this.#bytes.length;

  next(): Buffer {
    if (this.#used === this.#bytes.length) {
      randomFillSync(this.#bytes);
      this.#used = 0;
    }
    this.#used += ivBytes;
    return this.#bytes.subarray(this.#used - ivBytes, this.#used);
  }
}

/** A sealed text could not be opened: another key, another context, or changed bytes. */
export class SealBrokenError extends Error {
  override readonly name = 'SealBrokenError';
  readonly code = 'SEAL_BROKEN';
}

/**
 * Seals text with AES-256-GCM. The context (for instance the call id and part) is authenticated but
 * not stored, so that a sealed text cannot be moved to another place.
 */
export class Sealer {
  readonly #key: KeyObject;
  readonly #ivKey: KeyObject;
  readonly #ivs = new RandomIvs();

  /**
   * @param secret 32 bytes, base64. @param purpose keeps keys of different uses apart (HKDF info).
   * @throws TypeError when the secret has another length.
   */
  constructor(secret: string, purpose: 'arguments' | 'answers' | 'session') {
    const bytes = Buffer.from(secret, 'base64');
    if (bytes.length !== 32) throw new TypeError(`the ${purpose} key must be 32 bytes, base64`);
    const derived = hkdfSync('sha256', bytes, '', `countersign:${purpose}:v1`, 32);
    // A key object: raw bytes would be read in anew for every text.
    this.#key = createSecretKey(Buffer.from(derived));
    const derivedForIvs = hkdfSync('sha256', bytes, '', `countersign:${purpose}:v1:iv`, 32);
    this.#ivKey = createSecretKey(Buffer.from(derivedForIvs));
  }

  /** Random IV, tag and cipher text as one base64url string. */
  seal(text: string, context: string): string {
    return this.#sealWith(this.#ivs.next(), text, context);
  }

  /**
   * The same string for the same text and context, whoever seals it with this key: for names. The IV is made
   * from both (a synthetic IV), so that two texts share one as seldom as two random ones would.
   */
  sealSame(text: string, context: string): string {
    const content = canonicalJson([context, text]);
    const iv = createHmac('sha256', this.#ivKey).update(content).digest().subarray(0, ivBytes);
    return this.#sealWith(iv, text, context);
  }

  #sealWith(iv: Buffer, text: string, context: string): string {
    const cipher = createCipheriv('aes-256-gcm', this.#key, iv);
    cipher.setAAD(Buffer.from(context, 'utf8'));
    const body = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
    return Buffer.concat([iv, cipher.getAuthTag(), body]).toString('base64url');
  }

  /** The text of a name that somebody brought; undefined where `open` would throw. */
  tryOpen(sealed: string, context: string): string | undefined {
    try {
      return this.open(sealed, context);
    } catch (error) {
      if (error instanceof SealBrokenError) return undefined;
      throw error;
    }
  }

  /** @throws SealBrokenError when key, context or bytes are not those of the sealing. */
  open(sealed: string, context: string): string {
    const bytes = Buffer.from(sealed, 'base64url');
    if (bytes.length < ivBytes + tagBytes)
      throw new SealBrokenError('the sealed text is too short');
    if (!isOnlyEncoding(sealed, bytes)) throw new SealBrokenError('the sealed text is padded');
    const iv = bytes.subarray(0, ivBytes);
    const decipher = createDecipheriv('aes-256-gcm', this.#key, iv, { authTagLength: tagBytes });
    decipher.setAAD(Buffer.from(context, 'utf8'));
    decipher.setAuthTag(bytes.subarray(ivBytes, ivBytes + tagBytes));
    try {
      const body = bytes.subarray(ivBytes + tagBytes);
      return Buffer.concat([decipher.update(body), decipher.final()]).toString('utf8');
    } catch (cause) {
      throw new SealBrokenError('the sealed text does not open with this key and context', {
        cause,
      });
    }
  }
}

/** Whether text is the one encoding of its bytes: decoding passes over characters that say nothing. */
function isOnlyEncoding(text: string, bytes: Buffer): boolean {
  const rest = bytes.subarray(bytes.length - (bytes.length % 3 || 3)).toString('base64url');
  return text.length === Math.ceil((bytes.length * 4) / 3) && text.endsWith(rest);
}

/**
 * The context of a sealed part of an answer: it opens only as this part of this call, and under the mask
 * that was ordered for it. Whoever moves it on the bus, or orders less, gets nothing.
 */
export function sealContext(callId: string, part: number, last: boolean, mask: unknown): string {
  return canonicalJson([callId, part, last, mask]);
}
