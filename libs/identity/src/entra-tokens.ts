import { hash } from 'node:crypto';
import { createRemoteJWKSet, customFetch, errors, jwtVerify, type JWTVerifyGetKey } from 'jose';
import { Agent, fetch as fetchThrough } from 'undici';
import type { Principal } from '#contracts';
import { type AcceptedTokens, principalFromClaims } from './claims.js';
import { TokenError, TokenVerifier } from './token-verifier.js';

/** Where tokens come from and which are accepted. */
export interface EntraSettings extends AcceptedTokens {
  /** `https://login.microsoftonline.com`, or a sovereign cloud's. Always https. */
  readonly authority: string;
  /** Accepted `aud` values: the application's client id. */
  readonly audiences: readonly string[];
  /** PEM of the certificate authorities to trust instead of the public ones: inside a company, in a demo. */
  readonly certificateAuthority?: string | undefined;
  /** How long a verified token is remembered, milliseconds. Default 60 000, never past its expiry. */
  readonly rememberMs?: number;
}

const clockToleranceSeconds = 60;
const maxRemembered = 10_000;
/** Keys are fetched anew at least this often; an outage of the key endpoint in between changes nothing. */
const reloadMs = 5 * 60_000;
/** Without one successful fetch for this long, nothing is verified any more. */
const keysMaxAgeMs = 24 * 60 * 60_000;

interface TenantKeys {
  readonly getKey: JWTVerifyGetKey & { reload(): Promise<void> };
  fetchedAtMs: number;
}

/** Entra access tokens, v2 only, checked with the tenant's published keys. */
export class EntraTokens extends TokenVerifier {
  readonly #keys = new Map<string, TenantKeys>();
  readonly #remembered = new Map<
    string,
    { readonly principal: Principal; readonly untilMs: number }
  >();
  readonly #reload: NodeJS.Timeout;

  /** @throws TypeError for an authority that is not https. */
  constructor(private readonly settings: EntraSettings) {
    super();
    if (new URL(settings.authority).protocol !== 'https:') {
      throw new TypeError('the Entra authority must be https');
    }
    for (const tenant of settings.tenants) this.#keys.set(tenant, this.#remoteKeys(tenant));
    this.#reload = setInterval(() => void this.#reloadKeys(), reloadMs).unref();
  }

  async verify(token: string): Promise<Principal> {
    const name = hash('sha256', token, 'base64');
    const known = this.#remembered.get(name);
    if (known !== undefined && Date.now() < known.untilMs) return known.principal;
    const { payload, keys } = await this.#verifySignature(token);
    const principal = principalFromClaims(payload, this.settings);
    if (Date.now() - keys.fetchedAtMs > keysMaxAgeMs) {
      throw new TokenError('IDENTITY_UNAVAILABLE', 'The signing keys are too old to be trusted.');
    }
    this.#remember(name, principal, (payload.exp ?? 0) * 1000);
    return principal;
  }

  /** Stops the background work. */
  close(): void {
    clearInterval(this.#reload);
  }

  async #verifySignature(token: string) {
    const tenant = tenantOf(token);
    const keys = this.#keys.get(tenant);
    if (keys === undefined) throw new TokenError('TENANT_NOT_ALLOWED', 'This tenant may not call.');
    try {
      const { payload } = await jwtVerify(token, keys.getKey, {
        algorithms: ['RS256'],
        typ: 'JWT',
        issuer: `${this.settings.authority}/${tenant}/v2.0`,
        audience: [...this.settings.audiences],
        clockTolerance: clockToleranceSeconds,
        requiredClaims: ['exp', 'nbf', 'aud', 'iss'],
      });
      return { payload, keys };
    } catch (cause) {
      throw tokenErrorOf(cause);
    }
  }

  #remoteKeys(tenant: string): TenantKeys {
    const url = new URL(`${this.settings.authority}/${tenant}/discovery/v2.0/keys`);
    const ca = this.settings.certificateAuthority;
    const dispatcher = new Agent(ca === undefined ? {} : { connect: { ca } });
    const keys: { fetchedAtMs: number } = { fetchedAtMs: 0 };
    const getKey = createRemoteJWKSet(url, {
      cacheMaxAge: Number.POSITIVE_INFINITY,
      timeoutDuration: 3000,
      [customFetch]: async (address: string, init: object) => {
        const response = await fetchThrough(address, { ...init, dispatcher });
        if (response.ok) keys.fetchedAtMs = Date.now();
        return response;
      },
    });
    return Object.assign(keys, { getKey });
  }

  async #reloadKeys(): Promise<void> {
    // A failed reload keeps the keys at hand; keysMaxAgeMs is the bound.
    await Promise.allSettled([...this.#keys.values()].map((each) => each.getKey.reload()));
  }

  #remember(name: string, principal: Principal, expiresMs: number): void {
    const untilMs = Math.min(expiresMs, Date.now() + (this.settings.rememberMs ?? 60_000));
    this.#remembered.set(name, { principal, untilMs });
    if (this.#remembered.size <= maxRemembered) return;
    const [oldest] = this.#remembered.keys();
    if (oldest !== undefined) this.#remembered.delete(oldest);
  }
}

/** The tenant a token claims, unverified: it only chooses whose keys and issuer must match. */
function tenantOf(token: string): string {
  try {
    const [, payload] = token.split('.');
    const claims: unknown = JSON.parse(Buffer.from(payload ?? '', 'base64url').toString('utf8'));
    if (typeof claims === 'object' && claims !== null && 'tid' in claims) return String(claims.tid);
  } catch {
    // Not a token at all: said below.
  }
  throw new TokenError('TOKEN_INVALID', 'The bearer token is not a token of this authority.');
}

/** An outage of the keys is not the caller's fault: 503, never 401. */
function tokenErrorOf(cause: unknown): TokenError {
  const isOutage =
    cause instanceof errors.JWKSTimeout ||
    !(cause instanceof errors.JOSEError) ||
    cause.code === 'ERR_JOSE_GENERIC' ||
    cause.code === 'ERR_JWKS_INVALID';
  return isOutage
    ? new TokenError('IDENTITY_UNAVAILABLE', 'Tokens cannot be checked at the moment.', { cause })
    : new TokenError('TOKEN_INVALID', 'The bearer token is not valid.', { cause });
}
