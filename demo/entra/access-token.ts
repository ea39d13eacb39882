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

/** How long tokens serve, seconds. */
export const tokenLifeSeconds = 60 * 60;

/** What every person's token may be used for. */
const personScopes = 'mcp.invoke approvals.decide';

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
    exp: now + tokenLifeSeconds,
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
      : { scp: personScopes, name: identity.name }),
    ...claims,
  };
  return signed(context, all);
}

/** The ID token that goes to the application `clientId` with a person's sign-in. */
export async function idToken(
  context: TokenContext,
  identity: DemoIdentity,
  sign: { readonly clientId: string; readonly nonce: string | undefined },
): Promise<string> {
  const now = Math.floor(Date.now() / 1000);
  return signed(context, {
    aud: sign.clientId,
    iss: `${context.authority}/${context.tenant}/v2.0`,
    iat: now,
    nbf: now,
    exp: now + tokenLifeSeconds,
    ver: '2.0',
    tid: context.tenant,
    oid: identity.oid,
    sub: identity.oid,
    name: identity.name,
    nonce: sign.nonce,
  });
}

async function signed(
  context: TokenContext,
  claims: Readonly<Record<string, unknown>>,
): Promise<string> {
  const present = Object.fromEntries(
    Object.entries(claims).filter(([, value]) => value !== undefined),
  );
  return new SignJWT(present)
    .setProtectedHeader({ typ: 'JWT', alg: 'RS256', kid: context.keyId })
    .sign(context.privateKey);
}
