import {
  type AuthorizationCodeGrantChecks,
  AuthorizationResponseError,
  authorizationCodeGrant,
  ClientSecretPost,
  type Configuration,
  customFetch,
  type CustomFetch,
  discovery,
  enableNonRepudiationChecks,
  None,
  refreshTokenGrant,
  ResponseBodyError,
  type TokenEndpointResponse,
  type TokenEndpointResponseHelpers,
} from 'openid-client';
import { Agent, fetch as fetchThrough } from 'undici';
import { z } from 'zod';
import { isTrustworthy } from './page-address.js';
import type { PageSignInSettings } from './page-settings.js';
import { PageRefusal } from './page-refusal.js';
import type { SessionTokens } from './sessions.js';

/** What a finished sign-in gives. */
export interface SignedIn {
  readonly tokens: SessionTokens;
  readonly tenantId: string;
  readonly objectId: string;
}

/** The refresh token serves no more: the person has to sign in again. */
export class RenewalRefused extends Error {
  override readonly name = 'RenewalRefused';
}

/** How long Entra may take for one answer, seconds. */
const timeoutSeconds = 5;
/** For tokens whose answer does not tell how long they live, seconds. */
const shortestLife = 300;

/** An ID token of Entra names the person by tenant and object id. */
const personSchema = z.object({ tid: z.uuid(), oid: z.uuid() });
/** Errors of the token endpoint that mean the person, not our configuration or an outage. */
const refusals = new Set([
  'invalid_grant',
  'interaction_required',
  'login_required',
  'consent_required',
]);

/** The page as a client of Entra: OpenID Connect by authorization code, with PKCE. */
export class EntraClient {
  readonly #fetch: CustomFetch;
  readonly #configurations = new Map<string, Configuration>();

  /** @throws TypeError for an authority that is not https. */
  constructor(private readonly settings: PageSignInSettings) {
    if (new URL(settings.authority).protocol !== 'https:') {
      throw new TypeError('the Entra authority must be https');
    }
    const ca = settings.certificateAuthority;
    const dispatcher = new Agent(ca === undefined ? {} : { connect: { ca } });
    this.#fetch = async (address, options) => {
      const { body, headers, method, redirect, signal } = options;
      const init = { headers, method, redirect, dispatcher, ...(signal ? { signal } : {}) };
      return fetchThrough(address, body === undefined || body === null ? init : { ...init, body });
    };
  }

  /** The tenant's endpoints; asked for once. @throws PageRefusal `IDENTITY_UNAVAILABLE` */
  async configuration(tenant: string): Promise<Configuration> {
    const known = this.#configurations.get(tenant);
    if (known !== undefined) return known;
    const { authority, clientId, clientSecret } = this.settings;
    const issuer = `${authority}/${tenant}/v2.0`;
    const proof = clientSecret === undefined ? None() : ClientSecretPost(clientSecret);
    const found = await reached(async () =>
      discovery(new URL(issuer), clientId, {}, proof, {
        [customFetch]: this.#fetch,
        timeout: timeoutSeconds,
        execute: [enableNonRepudiationChecks],
      }),
    );
    // The library forgives Entra an issuer of another tenant; one tenant's sign-in is never another's.
    if (found.serverMetadata().issuer !== issuer) throw unavailable(new Error('foreign issuer'));
    this.#configurations.set(tenant, found);
    return found;
  }

  /** Where a person signs in as a user of this client. @throws PageRefusal `IDENTITY_UNAVAILABLE` */
  async authorizationAddress(tenant: string): Promise<URL> {
    const { authorization_endpoint: endpoint = '' } = (
      await this.configuration(tenant)
    ).serverMetadata();
    const url = URL.parse(endpoint);
    // The library takes https alone; a stand-in on this machine serves browsers without a certificate.
    if (url === null || !isTrustworthy(url))
      throw unavailable(new Error('no safe sign-in address'));
    url.searchParams.set('client_id', this.settings.clientId);
    return url;
  }

  /**
   * Redeems the code of a return from Entra; state, nonce, issuer, signature and PKCE must fit.
   * @throws PageRefusal `SIGN_IN_INVALID`, `SIGN_IN_REFUSED`, `IDENTITY_UNAVAILABLE`
   */
  async redeem(
    tenant: string,
    returned: URL,
    checks: AuthorizationCodeGrantChecks,
  ): Promise<SignedIn> {
    const configuration = await this.configuration(tenant);
    try {
      const answer = await authorizationCodeGrant(configuration, returned, {
        ...checks,
        idTokenExpected: true,
      });
      const { tid, oid } = personSchema.parse(answer.claims());
      return { tokens: tokensOf(answer, null), tenantId: tid, objectId: oid };
    } catch (error) {
      throw signInRefusal(error);
    }
  }

  /**
   * New tokens for a refresh token, which may serve no more afterwards.
   * @throws RenewalRefused, PageRefusal `IDENTITY_UNAVAILABLE`
   */
  async renew(tenant: string, refresh: string): Promise<SessionTokens> {
    const configuration = await this.configuration(tenant);
    const scope = this.scope;
    const answer = await reached(async () =>
      refreshTokenGrant(configuration, refresh, { scope }).catch((cause: unknown) => {
        if (isRefusal(cause)) throw new RenewalRefused('the sign-in has ended', { cause });
        throw cause;
      }),
    );
    return tokensOf(answer, refresh);
  }

  /** What is asked for at every sign-in. */
  get scope(): string {
    return `openid profile offline_access ${this.settings.scope}`;
  }
}

function tokensOf(
  answer: TokenEndpointResponse & TokenEndpointResponseHelpers,
  refresh: string | null,
): SessionTokens {
  const lifeSeconds = answer.expiresIn() ?? shortestLife;
  return {
    access: answer.access_token,
    refresh: answer.refresh_token ?? refresh,
    accessUntil: new Date(Date.now() + lifeSeconds * 1000),
  };
}

async function reached<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof RenewalRefused) throw error;
    throw unavailable(error);
  }
}

function unavailable(cause: unknown): PageRefusal {
  const detail = 'Entra does not answer as it should. Nothing was changed; try again in a moment.';
  return new PageRefusal('IDENTITY_UNAVAILABLE', detail, { cause });
}

function isRefusal(error: unknown): boolean {
  return error instanceof ResponseBodyError && error.status < 500 && refusals.has(error.error);
}

/** Faults of the network are nobody's; what else does not fit is a sign-in that must begin again. */
function signInRefusal(error: unknown): PageRefusal {
  if (error instanceof AuthorizationResponseError || isRefusal(error)) {
    const detail = 'Entra did not sign you in, or you cancelled. Nothing was changed.';
    return new PageRefusal('SIGN_IN_REFUSED', detail, { cause: error });
  }
  if (error instanceof ResponseBodyError || isUnreached(error)) return unavailable(error);
  const detail = 'This sign-in does not fit the one that was started here. Please start again.';
  return new PageRefusal('SIGN_IN_INVALID', detail, { cause: error });
}

function isUnreached(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return (
    code === 'OAUTH_TIMEOUT' ||
    code === 'OAUTH_RESPONSE_IS_NOT_CONFORM' ||
    code === 'OAUTH_RESPONSE_IS_NOT_JSON' ||
    (error instanceof Error && error.message === 'fetch failed')
  );
}
