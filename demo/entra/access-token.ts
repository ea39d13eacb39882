import { randomUUID } from 'node:crypto';
import { type CryptoKey, SignJWT } from 'jose';
import { type DemoIdentity, demoAudience, demoClientApp } from './identities.js';

/** What a token is made with. */
export interface TokenContext {
  readonly authority: string;
  readonly tenant: string;
  readonly keyId: string;
  readonly privateKey: CryptoKey;
}

const lifeSeconds = 60 * 60;

/** A v2 access token as Entra shapes it. `claims` replaces or, with undefined, removes members. */
export async function accessToken(
  context: TokenContext,
  identity: DemoIdentity,
  claims: Readonly<Record<string, unknown>> = {},
): Promise<string> {
  const now = Math.floor(Date.now() / 1000);
  const all = {
    aud: demoAudience,
    iss: `${context.authority}/${context.tenant}/v2.0`,
    iat: now,
    nbf: now,
    exp: now + lifeSeconds,
    azp: demoClientApp,
    azpacr: '0',
    ver: '2.0',
    tid: context.tenant,
    oid: identity.oid,
    sub: identity.oid,
    uti: randomUUID(),
    groups: identity.groups,
    ...(identity.roles.length === 0 ? {} : { roles: identity.roles }),
    ...(identity.isWorkload === true
      ? { idtyp: 'app' }
      : { scp: 'mcp.invoke', name: identity.name }),
    ...claims,
  };
  const present = Object.fromEntries(
    Object.entries(all).filter(([, value]) => value !== undefined),
  );
  return new SignJWT(present)
    .setProtectedHeader({ typ: 'JWT', alg: 'RS256', kid: context.keyId })
    .sign(context.privateKey);
}
