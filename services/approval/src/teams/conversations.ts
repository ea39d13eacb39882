import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { z } from 'zod';
import type { Activity } from './activity.js';
import { type Conversation, newsOf } from './conversation-news.js';

const rowSchema = z
  .object({
    conversation_id: z.string(),
    kind: z.string(),
    service_url: z.string(),
    person_id: z.string().nullable(),
  })
  .transform((row) => ({
    conversationId: row.conversation_id,
    kind: row.kind,
    serviceUrl: row.service_url,
    personId: row.person_id,
  }));

/** A conversation that can be written to. */
export type KnownConversation = z.infer<typeof rowSchema>;

const columns = 'conversation_id, kind, service_url, person_id';

/** The conversations of one tenant that the bot is in, as Teams has told. */
@Injectable()
export class Conversations {
  constructor(
    private readonly database: DataSource,
    private readonly tenant: string,
  ) {}

  /** Takes in what an activity tells; a repeat changes nothing. */
  async learn(activity: Activity): Promise<void> {
    for (const news of newsOf(activity)) {
      if (news.kind === 'learned') await this.#keep(news.conversation);
      else if (news.kind === 'left') await this.#leave('conversation_id', news.conversationId);
      else await this.#leave('team_id', news.teamId);
    }
  }

  /** Those of these ids that the bot is in. */
  async among(ids: readonly string[]): Promise<readonly KnownConversation[]> {
    return this.#read(
      `select ${columns} from teams_conversation
       where tenant_id = $1 and removed_at is null and conversation_id = any($2)`,
      ids,
    );
  }

  /** Personal chats with these people, the newest of each. */
  async withPeople(objectIds: readonly string[]): Promise<readonly KnownConversation[]> {
    return this.#read(
      `select distinct on (person_id) ${columns} from teams_conversation
       where tenant_id = $1 and removed_at is null and kind = 'personal' and person_id = any($2)
       order by person_id, seen_at desc`,
      objectIds,
    );
  }

  /** Ids among these that the bot has been removed from. */
  async leftAmong(ids: readonly string[]): Promise<readonly string[]> {
    const rows = await this.#read(
      `select ${columns} from teams_conversation
       where tenant_id = $1 and removed_at is not null and conversation_id = any($2)`,
      ids,
    );
    return rows.map((row) => row.conversationId);
  }

  /** Where the bot was last spoken to from; it serves the tenant's other channels too. */
  async latestServiceUrl(): Promise<string | undefined> {
    const rows = await this.#read(
      `select ${columns} from teams_conversation
       where tenant_id = $1 and removed_at is null and $2::text[] is not null
       order by (kind = 'channel') desc, seen_at desc limit 1`,
      [],
    );
    return rows[0]?.serviceUrl;
  }

  async #read(sql: string, ids: readonly string[]): Promise<readonly KnownConversation[]> {
    return z.array(rowSchema).parse(await this.database.query(sql, [this.tenant, ids]));
  }

  async #keep(conversation: Conversation): Promise<void> {
    const { conversationId, kind, serviceUrl, name, teamId, personId, botId } = conversation;
    await this.database.query(
      `insert into teams_conversation
         (tenant_id, conversation_id, kind, service_url, name, team_id, person_id, bot_id)
       values ($1, $2, $3, $4, $5, $6, $7, $8)
       on conflict (tenant_id, conversation_id) do update set
         kind = excluded.kind,
         service_url = excluded.service_url,
         name = coalesce(excluded.name, teams_conversation.name),
         team_id = coalesce(excluded.team_id, teams_conversation.team_id),
         person_id = coalesce(teams_conversation.person_id, excluded.person_id),
         bot_id = excluded.bot_id,
         seen_at = now(),
         removed_at = null`,
      [this.tenant, conversationId, kind, serviceUrl, name, teamId, personId, botId],
    );
  }

  async #leave(column: 'conversation_id' | 'team_id', id: string): Promise<void> {
    await this.database.query(
      `update teams_conversation set removed_at = now(), seen_at = now()
       where tenant_id = $1 and ${column} = $2 and removed_at is null`,
      [this.tenant, id],
    );
  }
}
