import { createPublicKey, generateKeyPairSync, randomBytes } from 'node:crypto';

/** A new Ed25519 pair: PKCS #8 and SubjectPublicKeyInfo PEM. */
export function newSigningKey(): { readonly privateKey: string; readonly publicKey: string } {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  return {
    privateKey: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    publicKey: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
  };
}

/** The public half of a private key, as PEM. @throws TypeError when it is no private key. */
export function publicKeyOf(privatePem: string): string {
  return createPublicKey(privatePem).export({ type: 'spki', format: 'pem' }).toString();
}

/** 32 random bytes, base64: a key for a {@link Sealer}. */
export function newSealKey(): string {
  return randomBytes(32).toString('base64');
}
