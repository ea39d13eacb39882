import { createHash, randomBytes, randomUUID } from 'node:crypto';
import type { DemoIdentityName } from './identities.js';

/** What a code was given for. */
export interface CodeGrant {
  readonly clientId: string;
  readonly redirectUri: string;
  /** PKCE, method S256. */
  readonly challenge: string;
  readonly nonce: string | undefined;
  readonly identity: DemoIdentityName;
}

/** What a refresh token stands for. All tokens of one sign-in are one family. */
export interface RefreshGrant {
  readonly clientId: string;
  readonly identity: DemoIdentityName;
  readonly family: string;
}

/** How a code is redeemed. */
export interface Redemption {
  readonly code: string;
  readonly clientId: string;
  readonly redirectUri: string;
  readonly verifier: string;
}

const codeLifeMs = 60_000;

/**
 * Codes and refresh tokens, each good for one use. Whoever uses one again ends all tokens of that sign-in
 * (RFC 6749 section 4.1.2, RFC 9700 section 4.14.2).
 */
export class Issued {
  readonly #codes = new Map<
    string,
    {
      readonly grant: CodeGrant;
      readonly family: string;
      readonly untilMs: number;
      isUsed: boolean;
    }
  >();
  readonly #refresh = new Map<string, { readonly grant: RefreshGrant; isUsed: boolean }>();
  readonly #ended = new Set<string>();

  code(grant: CodeGrant): string {
    const code = randomBytes(32).toString('base64url');
    const untilMs = Date.now() + codeLifeMs;
    this.#codes.set(code, { grant, family: randomUUID(), untilMs, isUsed: false });
    return code;
  }

  /** Undefined where the code is unknown, used, old, or of another client, address or challenge. */
  redeem(given: Redemption): (CodeGrant & { readonly family: string }) | undefined {
    const known = this.#codes.get(given.code);
    if (known === undefined) return undefined;
    const { grant, family, untilMs } = known;
    if (known.isUsed) this.#ended.add(family);
    const fits =
      !known.isUsed &&
      Date.now() < untilMs &&
      grant.clientId === given.clientId &&
      grant.redirectUri === given.redirectUri &&
      grant.challenge === createHash('sha256').update(given.verifier).digest('base64url');
    known.isUsed = true;
    return fits ? { ...grant, family } : undefined;
  }

  refreshToken(grant: RefreshGrant): string {
    const token = randomBytes(32).toString('base64url');
    this.#refresh.set(token, { grant, isUsed: false });
    return token;
  }

  /** Undefined where the token is unknown, used, of another client, or of a sign-in that has ended. */
  renew(token: string, clientId: string): RefreshGrant | undefined {
    const known = this.#refresh.get(token);
    if (known === undefined || known.grant.clientId !== clientId) return undefined;
    if (known.isUsed) this.#ended.add(known.grant.family);
    known.isUsed = true;
    return this.#ended.has(known.grant.family) ? undefined : known.grant;
  }

  /** Ends every sign-in of the identity: its refresh tokens serve no more. */
  endSignIns(identity: DemoIdentityName): void {
    for (const { grant } of this.#refresh.values()) {
      if (grant.identity === identity) this.#ended.add(grant.family);
    }
  }
}
