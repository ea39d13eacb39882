import { randomBytes } from 'node:crypto';
import { Injectable, Logger, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { z } from 'zod';
import type { Principal } from '#contracts';
import { SealBrokenError, Sealer, sha256 } from '#trust';

/** What Entra gave for a person. */
export interface SessionTokens {
  readonly access: string;
  /** Null where none was given: then the session lasts as long as the access token. */
  readonly refresh: string | null;
  readonly accessUntil: Date;
}

/** One sign-in of one person in one browser. */
export interface Session {
  /** The secret that the cookie carries; stored nowhere. */
  readonly id: string;
  readonly tenantId: string;
  readonly objectId: string;
  readonly tokens: SessionTokens;
  /** Grows with every renewal of the tokens. */
  readonly version: number;
}

/** Limits of a session, seconds. */
export interface SessionLimits {
  readonly idleSeconds: number;
  readonly sessionSeconds: number;
}

const sealedSchema = z.object({ access: z.string(), refresh: z.string().nullable() });
const rowSchema = z.object({
  tenant_id: z.string(),
  object_id: z.string(),
  sealed_tokens: z.string(),
  tokens_version: z.int(),
  access_until: z.date(),
});

/** A session is marked as seen at most this often, seconds. */
const seenEverySeconds = 30;
/** How long one process has to renew tokens before another may try, and how long all rest after a failure; seconds. */
const claimSeconds = 10;
const restSeconds = 2;
const sweepMs = 10 * 60_000;
const idBytes = 32;
const idPattern = /^[\w-]{43}$/;

/** Who is signed in, in Postgres. Limits are kept by the database's clock. */
@Injectable()
export class Sessions implements OnModuleInit, OnModuleDestroy {
  #sweep: NodeJS.Timeout | undefined;

  constructor(
    private readonly database: DataSource,
    private readonly sealer: Sealer,
    private readonly limits: SessionLimits,
  ) {}

  onModuleInit(): void {
    this.#sweep = setInterval(() => void this.#forgetEnded(), sweepMs).unref();
  }

  onModuleDestroy(): void {
    clearInterval(this.#sweep);
  }

  /** Opens a session under a new id, which is answered. */
  async open(
    person: Pick<Principal, 'tenantId' | 'objectId'>,
    tokens: SessionTokens,
  ): Promise<string> {
    const id = randomBytes(idBytes).toString('base64url');
    await this.database.query(
      `insert into page_session
        (id_hash, tenant_id, object_id, sealed_tokens, access_until, ends_at)
       values ($1, $2, $3, $4, $5, now() + make_interval(secs => $6))`,
      [
        sha256(id),
        person.tenantId,
        person.objectId,
        this.#sealed(id, tokens),
        tokens.accessUntil,
        this.limits.sessionSeconds,
      ],
    );
    return id;
  }

  /** The session, unless it is unknown or over. `isActive`: somebody is at the screen, so the idle time begins anew. */
  async find(id: string, isActive: boolean): Promise<Session | undefined> {
    if (!idPattern.test(id)) return undefined;
    const rows: unknown = await this.database.query(
      `select tenant_id, object_id, sealed_tokens, tokens_version, access_until
       from page_session
       where id_hash = $1 and ends_at > now() and seen_at > now() - make_interval(secs => $2)`,
      [sha256(id), this.limits.idleSeconds],
    );
    const [row] = z.array(rowSchema).parse(rows);
    const session = row === undefined ? undefined : await this.#opened(id, row);
    if (session !== undefined && isActive) await this.#seen(id);
    return session;
  }

  /** True for the one process that may renew the tokens of this version now. */
  async claimRenewal(session: Session): Promise<boolean> {
    return this.#update(
      `update page_session set renewal_claimed_until = now() + make_interval(secs => $3)
       where id_hash = $1 and tokens_version = $2 and renewal_claimed_until < now()`,
      [sha256(session.id), session.version, claimSeconds],
    );
  }

  /** After a failure: nobody tries again for a moment. */
  async restRenewal(session: Session): Promise<void> {
    await this.#update(
      `update page_session set renewal_claimed_until = now() + make_interval(secs => $3)
       where id_hash = $1 and tokens_version = $2`,
      [sha256(session.id), session.version, restSeconds],
    );
  }

  /** Keeps new tokens; undefined where the session ended meanwhile. */
  async renew(session: Session, tokens: SessionTokens): Promise<Session | undefined> {
    const isKept = await this.#update(
      `update page_session set sealed_tokens = $3, access_until = $4,
         tokens_version = tokens_version + 1, renewal_claimed_until = '-infinity'
       where id_hash = $1 and tokens_version = $2`,
      [sha256(session.id), session.version, this.#sealed(session.id, tokens), tokens.accessUntil],
    );
    return isKept ? { ...session, tokens, version: session.version + 1 } : undefined;
  }

  /** Ends this session. */
  async end(id: string): Promise<void> {
    await this.database.query('delete from page_session where id_hash = $1', [sha256(id)]);
  }

  /** Ends every session of the person, in all browsers. */
  async endAll(person: Pick<Principal, 'tenantId' | 'objectId'>): Promise<void> {
    await this.database.query('delete from page_session where tenant_id = $1 and object_id = $2', [
      person.tenantId,
      person.objectId,
    ]);
  }

  async #seen(id: string): Promise<void> {
    await this.database.query(
      `update page_session set seen_at = now()
       where id_hash = $1 and seen_at < now() - make_interval(secs => $2)`,
      [sha256(id), Math.min(seenEverySeconds, this.limits.idleSeconds / 4)],
    );
  }

  /** Sessions that are over keep nobody in; they only hold tokens that nobody needs. */
  async #forgetEnded(): Promise<void> {
    try {
      await this.database.query(
        `delete from page_session
         where ends_at <= now() or seen_at <= now() - make_interval(secs => $1)`,
        [this.limits.idleSeconds],
      );
    } catch (error) {
      new Logger('page').warn(`ended sessions were not forgotten: ${String(error)}`);
    }
  }

  async #update(statement: string, values: readonly unknown[]): Promise<boolean> {
    const changed: unknown = await this.database.query(statement, [...values]);
    const [, count] = z.tuple([z.unknown(), z.int()]).parse(changed);
    return count === 1;
  }

  #sealed(id: string, tokens: SessionTokens): string {
    const { access, refresh } = tokens;
    return this.sealer.seal(JSON.stringify({ access, refresh }), contextOf(id));
  }

  /** A row that was moved or changed, or sealed with a key of before, is no session any more. */
  async #opened(id: string, row: z.infer<typeof rowSchema>): Promise<Session | undefined> {
    try {
      const opened = sealedSchema.parse(
        JSON.parse(this.sealer.open(row.sealed_tokens, contextOf(id))),
      );
      return {
        id,
        tenantId: row.tenant_id,
        objectId: row.object_id,
        tokens: { ...opened, accessUntil: row.access_until },
        version: row.tokens_version,
      };
    } catch (error) {
      if (!(error instanceof SealBrokenError)) throw error;
      await this.end(id);
      return undefined;
    }
  }
}

/** Tokens open in their own session's row alone. */
function contextOf(id: string): string {
  return `page:tokens:${sha256(id)}`;
}
