import { Injectable } from '@nestjs/common';
import {
  buildEndSessionUrl,
  calculatePKCECodeChallenge,
  randomNonce,
  randomPKCECodeVerifier,
  randomState,
} from 'openid-client';
import { z } from 'zod';
import type { Principal } from '#contracts';
import { TokenError, TokenVerifier } from '#identity';
import { SealBrokenError, Sealer } from '#trust';
import { EntraClient, type SignedIn } from './entra-client.js';
import { PageAddress } from './page-address.js';
import { PageRefusal } from './page-refusal.js';
import { Sessions } from './sessions.js';

/** A sign-in that has begun: where to send the person, and what their browser keeps meanwhile. */
export interface StartedSignIn {
  readonly url: URL;
  readonly state: string;
  readonly sealed: string;
}

const pendingSchema = z.object({
  tenant: z.string(),
  nonce: z.string(),
  verifier: z.string(),
  returnPath: z.string(),
  untilMs: z.number(),
});
const pendingMs = 10 * 60_000;

/** The path at which Entra gives people back. */
const callbackPath = '/approvals/callback';

/** Signing in: out to Entra and back, into a new session. */
@Injectable()
export class SignIn {
  constructor(
    private readonly entra: EntraClient,
    private readonly address: PageAddress,
    private readonly sealer: Sealer,
    private readonly verifier: TokenVerifier,
    private readonly sessions: Sessions,
  ) {}

  /** Begins one. @throws PageRefusal `IDENTITY_UNAVAILABLE` */
  async start(tenant: string, returnPath: string): Promise<StartedSignIn> {
    const url = await this.entra.authorizationAddress(tenant);
    const [state, nonce, verifier] = [randomState(), randomNonce(), randomPKCECodeVerifier()];
    const asked = {
      redirect_uri: this.address.url(callbackPath).toString(),
      response_type: 'code',
      response_mode: 'query',
      scope: this.entra.scope,
      state,
      nonce,
      code_challenge: await calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
    };
    for (const [name, value] of Object.entries(asked)) url.searchParams.set(name, value);
    const pending = { tenant, nonce, verifier, returnPath, untilMs: Date.now() + pendingMs };
    return { url, state, sealed: this.sealer.seal(JSON.stringify(pending), contextOf(state)) };
  }

  /**
   * Ends one: `query` is what Entra sent back, `sealed` what the browser kept for this state.
   * @throws PageRefusal `SIGN_IN_INVALID`, `SIGN_IN_REFUSED`, `PERSON_REFUSED`, `IDENTITY_UNAVAILABLE`
   */
  async finish(
    query: string,
    state: string,
    sealed: string | undefined,
  ): Promise<{ readonly sessionId: string; readonly returnPath: string }> {
    const pending = this.#pending(state, sealed);
    const returned = this.address.url(`${callbackPath}${query}`);
    const signedIn = await this.entra.redeem(pending.tenant, returned, {
      expectedState: state,
      expectedNonce: pending.nonce,
      pkceCodeVerifier: pending.verifier,
    });
    const principal = await this.#person(signedIn);
    const sessionId = await this.sessions.open(principal, signedIn.tokens);
    return { sessionId, returnPath: pending.returnPath };
  }

  /** Where a person signs out of Entra too; undefined where that cannot be told. Never throws. */
  async signOutAddress(tenant: string): Promise<string | undefined> {
    try {
      const url = buildEndSessionUrl(await this.entra.configuration(tenant), {});
      return url.protocol === 'https:' ? url.toString() : undefined;
    } catch {
      return undefined;
    }
  }

  #pending(state: string, sealed: string | undefined): z.infer<typeof pendingSchema> {
    try {
      const opened = this.sealer.open(sealed ?? '', contextOf(state));
      const pending = pendingSchema.parse(JSON.parse(opened));
      if (Date.now() < pending.untilMs) return pending;
    } catch (error) {
      if (!(error instanceof SealBrokenError)) throw error;
    }
    const detail =
      'This sign-in was not started in this browser, or too long ago. Please start again.';
    throw new PageRefusal('SIGN_IN_INVALID', detail);
  }

  /** The access token decides who this is, as it does for REST; the ID token must speak of the same person. */
  async #person(signedIn: SignedIn): Promise<Principal> {
    const principal = await verified(this.verifier, signedIn.tokens.access);
    const isSame =
      principal.tenantId === signedIn.tenantId && principal.objectId === signedIn.objectId;
    if (isSame && principal.kind === 'person') return principal;
    throw new PageRefusal('PERSON_REFUSED', 'Only people sign in here, each as themselves.');
  }
}

/** The principal of an access token. @throws PageRefusal `PERSON_REFUSED`, `IDENTITY_UNAVAILABLE` */
export async function verified(verifier: TokenVerifier, token: string): Promise<Principal> {
  try {
    return await verifier.verify(token);
  } catch (error) {
    if (!(error instanceof TokenError)) throw error;
    const isOutage = error.code === 'IDENTITY_UNAVAILABLE';
    const code = isOutage ? 'IDENTITY_UNAVAILABLE' : 'PERSON_REFUSED';
    throw new PageRefusal(code, `${error.message} (${error.code})`, { cause: error });
  }
}

function contextOf(state: string): string {
  return `page:sign-in:${state}`;
}
