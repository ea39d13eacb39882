import { Agent, fetch as fetchThrough } from 'undici';
import { z } from 'zod';
import type { AppToken } from './app-token.js';
import { GroupDirectory, GroupsUnavailable, type Member } from './group-directory.js';

/** Whom to ask, and how long an answer holds. */
export interface GraphSettings {
  /** `https://graph.microsoft.com`, or a sovereign cloud's. */
  readonly graphUrl: string;
  /** The one tenant whose people Graph knows; everybody else is in no group. */
  readonly tenant: string;
  /** For Graph's `.default` scope; needs `GroupMember.Read.All`. */
  readonly token: AppToken;
  /** How long a membership is remembered, milliseconds; at most 60 000, which is the default. A "no" never is. */
  readonly rememberMs?: number;
  /** Longest time for the whole answer, milliseconds. Default 3000. */
  readonly timeoutMs?: number;
  /** PEM of the certificate authorities to trust instead of the public ones. */
  readonly certificateAuthority?: string | undefined;
}

/** What Graph takes in one question. */
const groupsPerQuestion = 20;
const longestRememberMs = 60_000;
const maxRemembered = 10_000;

const answerSchema = z.object({ value: z.array(z.string()) });

/**
 * Memberships as Microsoft Graph tells them now, through `checkMemberGroups`: nested groups count. A person whom
 * Graph does not know is in none; whatever else goes wrong is {@link GroupsUnavailable}.
 */
export class GraphGroups extends GroupDirectory {
  readonly #dispatcher: Agent;
  readonly #rememberMs: number;
  /** Positive answers: person and group to the time they hold until. */
  readonly #remembered = new Map<string, number>();

  constructor(private readonly settings: GraphSettings) {
    super();
    const ca = settings.certificateAuthority;
    this.#dispatcher = new Agent(ca === undefined ? {} : { connect: { ca } });
    this.#rememberMs = Math.min(settings.rememberMs ?? longestRememberMs, longestRememberMs);
  }

  override async memberOf(person: Member, groups: readonly string[]): Promise<readonly string[]> {
    const known = groups.filter((group) => this.#holds(person, group));
    const asked = groups.filter((group) => !known.includes(group));
    const found = await this.#ask(person, asked);
    return groups.filter((group) => known.includes(group) || found.includes(group));
  }

  /** The same directory without memory of earlier answers: for the moment in which membership decides. */
  override fresh(): GroupDirectory {
    return new FreshGroups(async (person, groups) => this.#ask(person, groups));
  }

  async #ask(person: Member, groups: readonly string[]): Promise<readonly string[]> {
    if (groups.length === 0 || person.tenantId !== this.settings.tenant) return [];
    const signal = AbortSignal.timeout(this.settings.timeoutMs ?? 3000);
    const questions: Promise<readonly string[]>[] = [];
    for (let start = 0; start < groups.length; start += groupsPerQuestion) {
      const some = groups.slice(start, start + groupsPerQuestion);
      questions.push(this.#checkMemberGroups(person.objectId, some, signal));
    }
    const found = await Promise.race([Promise.all(questions), endOf(signal)]).catch(
      (cause: unknown) => {
        if (cause instanceof GroupsUnavailable) throw cause;
        throw new GroupsUnavailable('Graph does not answer', { cause });
      },
    );
    const member = found.flat();
    for (const group of groups) this.#remember(person, group, member.includes(group));
    return member;
  }

  async #checkMemberGroups(
    objectId: string,
    groups: readonly string[],
    signal: AbortSignal,
  ): Promise<readonly string[]> {
    const token = await this.settings.token.get();
    const person = encodeURIComponent(objectId);
    const response = await fetchThrough(
      `${this.settings.graphUrl}/v1.0/users/${person}/checkMemberGroups`,
      {
        method: 'POST',
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        body: JSON.stringify({ groupIds: groups }),
        redirect: 'error',
        signal,
        dispatcher: this.#dispatcher,
      },
    );
    if (response.status === 404) return [];
    if (response.status === 401) this.settings.token.forget(token);
    if (!response.ok) throw new GroupsUnavailable(`Graph said ${response.status}`);
    const answer = answerSchema.safeParse(await response.json());
    if (!answer.success) throw new GroupsUnavailable('Graph said something unknown');
    const member = answer.data.value.map((group) => group.toLowerCase());
    return groups.filter((group) => member.includes(group.toLowerCase()));
  }

  #holds(person: Member, group: string): boolean {
    const untilMs = this.#remembered.get(nameOf(person, group));
    return untilMs !== undefined && Date.now() < untilMs;
  }

  #remember(person: Member, group: string, isMember: boolean): void {
    const name = nameOf(person, group);
    this.#remembered.delete(name);
    if (!isMember) return;
    this.#remembered.set(name, Date.now() + this.#rememberMs);
    if (this.#remembered.size <= maxRemembered) return;
    const [oldest] = this.#remembered.keys();
    if (oldest !== undefined) this.#remembered.delete(oldest);
  }
}

class FreshGroups extends GroupDirectory {
  constructor(private readonly ask: GroupDirectory['memberOf']) {
    super();
  }

  override async memberOf(person: Member, groups: readonly string[]): Promise<readonly string[]> {
    return this.ask(person, groups);
  }
}

function nameOf(person: Member, group: string): string {
  return `${person.tenantId} ${person.objectId} ${group}`;
}

async function endOf(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    const end = (): void => reject(new GroupsUnavailable('Graph took too long'));
    signal.addEventListener('abort', end, { once: true });
  });
}
