import { randomUUID } from 'node:crypto';
import { type CryptoKey, exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose';

/** A key of the stand-in, as it signs and as it is published. */
export interface SigningKey {
  readonly id: string;
  readonly privateKey: CryptoKey;
  readonly jwk: JWK & { readonly endorsements: readonly string[] };
}

/** Makes a key that may speak for these channels. */
export async function newSigningKey(endorsements: readonly string[]): Promise<SigningKey> {
  const { privateKey, publicKey } = await generateKeyPair('RS256');
  const id = randomUUID();
  const jwk = { ...(await exportJWK(publicKey)), kid: id, use: 'sig', alg: 'RS256', endorsements };
  return { id, privateKey, jwk };
}

/** What the Bot Connector's tokens say. */
export interface ConnectorClaims {
  readonly issuer: string;
  readonly appId: string;
  readonly serviceUrl: string;
}

/** A token as the Bot Connector shows it to a bot. `changes` replaces claims or, with undefined, removes them. */
export async function connectorToken(
  key: SigningKey,
  { appId, issuer, serviceUrl }: ConnectorClaims,
  changes: Readonly<Record<string, unknown>> = {},
): Promise<string> {
  const now = Math.floor(Date.now() / 1000);
  const life = { nbf: now - 60, iat: now, exp: now + 3600 };
  const claims = { iss: issuer, aud: appId, serviceurl: serviceUrl, ...life, ...changes };
  const present = Object.entries(claims).filter(([, value]) => value !== undefined);
  return new SignJWT(Object.fromEntries(present))
    .setProtectedHeader({ alg: 'RS256', typ: 'JWT', kid: key.id, x5t: key.id })
    .sign(key.privateKey);
}
