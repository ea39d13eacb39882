import { createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto';
import { promisify } from 'node:util';
import { canonicalJson } from './digest.js';

/** Off the event loop: a check takes as long as the rest of the work on a small event. */
const verifyAside = promisify(verify);

/** What a signature is about; a signature for one purpose is worthless for another. */
export type Purpose = 'verdict' | 'approval' | 'grant' | 'checkpoint';

/** Signs statements with an Ed25519 key. */
export class Signer {
  readonly #key: KeyObject;

  /** @param pem PKCS #8 private key. @throws TypeError when it is not an Ed25519 key. */
  constructor(pem: string) {
    this.#key = ed25519(createPrivateKey(pem));
  }

  /** Ed25519 over purpose and canonical JSON, base64url. */
  sign(purpose: Purpose, statement: unknown): string {
    return sign(null, signedBytes(purpose, statement), this.#key).toString('base64url');
  }

  /** The public key that verifies, as SubjectPublicKeyInfo PEM. */
  publicKey(): string {
    return createPublicKey(this.#key).export({ type: 'spki', format: 'pem' }).toString();
  }
}

/** Checks statements against an Ed25519 public key. */
export class Verifier {
  readonly #key: KeyObject;

  /** @param pem SubjectPublicKeyInfo public key. @throws TypeError when it is not an Ed25519 key. */
  constructor(pem: string) {
    this.#key = ed25519(createPublicKey(pem));
  }

  /** True only for an unchanged statement, signed for this purpose by the owner of the key. */
  async verify(purpose: Purpose, statement: unknown, signature: string): Promise<boolean> {
    const bytes = signedBytes(purpose, statement);
    return verifyAside(null, bytes, this.#key, Buffer.from(signature, 'base64url'));
  }
}

function signedBytes(purpose: Purpose, statement: unknown): Buffer {
  return Buffer.from(`countersign:${purpose}:v1\n${canonicalJson(statement)}`, 'utf8');
}

function ed25519(key: KeyObject): KeyObject {
  if (key.asymmetricKeyType !== 'ed25519') throw new TypeError('an Ed25519 key is needed');
  return key;
}
