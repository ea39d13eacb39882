import { setTimeout as pause } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import type { Principal } from '#contracts';
import { TokenError, TokenVerifier } from '#identity';
import { EntraClient, RenewalRefused } from './entra-client.js';
import { PageRefusal } from './page-refusal.js';
import { type Session, Sessions } from './sessions.js';
import { verified } from './sign-in.js';

/** Somebody who is signed in. */
export interface Visitor {
  /** As the access token says now: the same check as REST makes. */
  readonly principal: Principal;
  readonly sessionId: string;
}

/** Tokens are renewed so long before they end: groups stay fresh and nobody is thrown out. Milliseconds. */
const renewAheadMs = 5 * 60_000;
/** A token that ends sooner is not used any more, milliseconds. */
const usableMs = 15_000;
/** How long to wait for another process that renews, and between two looks; milliseconds. */
const waitMs = 4000;
const lookMs = 100;

/** Tells who a session id stands for, and keeps their tokens fresh. */
@Injectable()
export class Doorkeeper {
  /** One renewal of a session at a time: a refresh token may serve once only. */
  readonly #renewals = new Map<string, Promise<Session | undefined>>();

  constructor(
    private readonly sessions: Sessions,
    private readonly entra: EntraClient,
    private readonly verifier: TokenVerifier,
  ) {}

  /**
   * Undefined for an id that is nobody's, or no longer. `isActive`: somebody is at the screen.
   * @throws PageRefusal `PERSON_REFUSED`, `IDENTITY_UNAVAILABLE`
   */
  async visitor(sessionId: string, isActive: boolean): Promise<Visitor | undefined> {
    const found = await this.sessions.find(sessionId, isActive);
    const session = found === undefined ? undefined : await this.#fresh(found);
    if (session === undefined) return undefined;
    const principal = await this.#principal(session);
    if (principal === undefined) return undefined;
    const { objectId, tenantId } = session;
    const isSame = principal.objectId === objectId && principal.tenantId === tenantId;
    if (isSame && principal.kind === 'person') return { principal, sessionId };
    await this.sessions.end(sessionId);
    return undefined;
  }

  async #principal(session: Session): Promise<Principal | undefined> {
    try {
      return await verified(this.verifier, session.tokens.access);
    } catch (error) {
      const cause = error instanceof PageRefusal ? error.cause : undefined;
      const isSpent = cause instanceof TokenError && cause.code === 'TOKEN_INVALID';
      if (!isSpent) throw error;
      await this.sessions.end(session.id);
      return undefined;
    }
  }

  /** The session with tokens that serve; undefined where it has ended. */
  async #fresh(session: Session): Promise<Session | undefined> {
    const leftMs = session.tokens.accessUntil.getTime() - Date.now();
    const hasRefresh = session.tokens.refresh !== null;
    if (leftMs > (hasRefresh ? renewAheadMs : usableMs)) return session;
    const running = this.#renewals.get(session.id) ?? this.#startRenewal(session);
    if (leftMs < usableMs) return running;
    // Ahead of need: an outage of Entra is no reason to turn anybody away yet.
    return running.catch(() => session);
  }

  async #startRenewal(session: Session): Promise<Session | undefined> {
    const running = this.#renewed(session).finally(() => this.#renewals.delete(session.id));
    this.#renewals.set(session.id, running);
    return running;
  }

  async #renewed(session: Session): Promise<Session | undefined> {
    if (await this.sessions.claimRenewal(session)) return this.#renew(session);
    return this.#renewedElsewhere(session);
  }

  async #renew(session: Session): Promise<Session | undefined> {
    const { refresh } = session.tokens;
    try {
      if (refresh === null) throw new RenewalRefused('there is no refresh token');
      return await this.sessions.renew(session, await this.entra.renew(session.tenantId, refresh));
    } catch (error) {
      if (!(error instanceof RenewalRefused)) {
        await this.sessions.restRenewal(session);
        throw error;
      }
      await this.sessions.end(session.id);
      return undefined;
    }
  }

  /** Another process renews, or all rest after a failure. */
  async #renewedElsewhere(session: Session): Promise<Session | undefined> {
    const endMs = Date.now() + waitMs;
    while (Date.now() < endMs) {
      await pause(lookMs);
      const now = await this.sessions.find(session.id, false);
      if (now === undefined || now.version !== session.version) return now;
      if (await this.sessions.claimRenewal(now)) return this.#renew(now);
    }
    const detail = 'Your sign-in cannot be renewed now. Try again in a moment.';
    throw new PageRefusal('IDENTITY_UNAVAILABLE', detail);
  }
}
