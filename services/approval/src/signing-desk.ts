import { randomUUID } from 'node:crypto';
import { Logger } from '@nestjs/common';
import { type Bus, PublishError } from '#bus';
import { type Actor, type Principal, pressRefused } from '#contracts';
import { GroupDirectory, GroupsUnavailable, TokenGroups } from '#identity';
import { maskedWords } from '#masking';
import { justifiedEvent, votedEvent } from './announcements.js';
import type { Approval } from './approval.js';
import { ApprovalError } from './approval-error.js';
import { ApprovalList } from './approval-list.js';
import type { ApprovalView } from './approval-view.js';
import { Approvals, type Change, type Circumstances } from './approvals.js';
import { BriefMemory } from './brief-memory.js';
import { ChangeFeed } from './change-feed.js';
import { CopyBindings } from './copy-bindings.js';
import type { Delegations } from './delegations.js';
import {
  type Channel,
  type CopyBinding,
  Desk,
  type DeskPage,
  type DeskPress,
  type DeskQuery,
  type RefusedPress,
} from './desk.js';
import { askedGroups, isRequester, maySee } from './eligibility.js';
import { actorOf, justify, type Press, vote, withdraw } from './transitions.js';

/** What the desk is made with. */
export interface DeskParts {
  readonly approvals: Approvals;
  readonly list: ApprovalList;
  readonly directory: GroupDirectory;
  readonly delegations: Delegations;
  readonly bindings: CopyBindings;
  readonly changes: ChangeFeed;
  readonly bus: Pick<Bus, 'publish'>;
  /** The tenant whose administrators may revoke. */
  readonly adminTenants: readonly string[];
}

/** What somebody tried, for the record of its refusal. */
interface Deed {
  readonly name: 'approve' | 'refuse' | 'withdraw' | 'justify';
  readonly channel: Channel;
}

const adminRole = 'Countersign.Admin';
/** How long the groups of a reader are remembered, milliseconds. */
const readingMemoryMs = 10_000;

/** The desk over the database: groups are those of the moment of the press, and whatever is refused is on record. */
export class SigningDesk extends Desk {
  readonly #logger = new Logger('desk');
  readonly #remembered = new BriefMemory<string[]>(readingMemoryMs);

  constructor(private readonly parts: DeskParts) {
    super();
  }

  override async page(reader: Principal, query: DeskQuery): Promise<DeskPage> {
    const known = await this.known(reader);
    const { approvals, next } = await this.parts.list.page(known, query);
    const views = approvals.map((each) => this.parts.list.brief(each, known));
    return { approvals: views, next };
  }

  override async view(reader: Principal, id: string): Promise<ApprovalView> {
    const known = await this.known(reader);
    return this.parts.list.view(await this.parts.list.one(known, id), known);
  }

  override async press(by: Principal, id: string, press: DeskPress): Promise<ApprovalView> {
    return this.#recorded(by, id, { name: press.decision, ...press }, async () => {
      const { presser, onBehalfOf } = await this.#presser(by, id);
      const word: Press = { ...press, onBehalfOf };
      const changed = await this.#change(id, presser, (approval, given) =>
        pressed(approval, presser, word, given),
      );
      return this.parts.list.view(changed, presser);
    });
  }

  override async withdraw(by: Principal, id: string, channel: Channel): Promise<ApprovalView> {
    const right = this.isAdmin(by) ? 'admin' : 'requester';
    const changed = await this.#recorded(by, id, { name: 'withdraw', channel }, async () =>
      this.parts.approvals.change(id, (approval, { now }) => {
        const own = isRequester(approval, by) ? 'requester' : right;
        const isHidden = own === 'requester' && !maySee(approval, by, now);
        if (isHidden) throw new ApprovalError('APPROVAL_NOT_FOUND');
        return { approval: withdraw(approval, by, now, own) };
      }),
    );
    const view = await this.parts.list.view(changed, by);
    return maySee(changed, by, new Date()) ? view : metadataOf(view);
  }

  override async justify(
    by: Principal,
    id: string,
    justification: string,
    channel: Channel,
  ): Promise<ApprovalView> {
    const words = maskedWords(justification);
    const changed = await this.#recorded(by, id, { name: 'justify', channel }, async () =>
      this.#change(id, by, (approval, { now, origin }) => {
        const after = justify(approval, by, words, now);
        return { approval: after, said: justifiedEvent(after, actorOf(by), { time: now, origin }) };
      }),
    );
    return this.parts.list.view(changed, by);
  }

  override async publicView(id: string): Promise<ApprovalView> {
    return this.parts.list.copy(await this.parts.list.any(id), 'approvers');
  }

  override async binding(id: string, channel: string): Promise<CopyBinding | undefined> {
    return this.parts.bindings.of(id, channel);
  }

  override async recordRefused(press: RefusedPress): Promise<void> {
    const data = { ...press, pressId: randomUUID(), at: new Date().toISOString() };
    try {
      await this.parts.bus.publish(pressRefused, data);
    } catch (error) {
      const why = error instanceof PublishError ? error.code : 'unknown';
      this.#logger.error(`a refused press (${press.code}) could not be recorded: ${why}`);
    }
  }

  override onChange(listener: (approvalId: string) => void): () => void {
    return this.parts.changes.subscribe(listener);
  }

  /** Whether somebody runs the gateway: may revoke, may not sign by that. */
  isAdmin(person: Principal): boolean {
    return this.parts.adminTenants.includes(person.tenantId) && person.roles.includes(adminRole);
  }

  /**
   * A reader with the groups of a moment ago, out of all that are asked by something open; those of people in whose
   * place they may sign among them. For reading only: a press asks anew.
   */
  async known(reader: Principal): Promise<Principal> {
    const { directory } = this.parts;
    if (directory instanceof TokenGroups) return reader;
    // A group that is asked for the first time must not be missed for as long as the memory lasts.
    const asked = (await this.parts.list.askedGroups()).toSorted();
    const name = `${reader.tenantId}/${reader.objectId}/${asked.join()}`;
    const groups = await this.#remembered.get(name, async () => {
      const places = await this.parts.delegations.placesOf(reader);
      const people = [reader, ...places.map((place) => ({ ...reader, ...place, groups: [] }))];
      const found = await Promise.all(
        people.map(async (each) => this.#groups(each, asked, directory)),
      );
      return [...new Set(found.flat())];
    });
    return { ...reader, groups };
  }

  /** Who presses, with the groups that count: their own, else those of somebody in whose place they may sign. */
  async #presser(
    by: Principal,
    id: string,
  ): Promise<{ presser: Principal; onBehalfOf: Actor | undefined }> {
    const approval = await this.parts.list.any(id);
    const asked = askedGroups(approval.requirement);
    const now = this.parts.directory.fresh();
    const own = await this.#groups(by, asked, now);
    if (own.length > 0) return { presser: { ...by, groups: own }, onBehalfOf: undefined };
    for (const place of await this.parts.delegations.placesOf(by)) {
      if (isRequester(approval, place)) continue;
      const theirs = await this.#groups({ ...by, ...place, groups: [] }, asked, now);
      if (theirs.length > 0) return { presser: { ...by, groups: theirs }, onBehalfOf: place };
    }
    return { presser: { ...by, groups: [] }, onBehalfOf: undefined };
  }

  async #groups(
    person: Principal,
    asked: readonly string[],
    directory: GroupDirectory,
  ): Promise<string[]> {
    try {
      return [...(await directory.memberOf(person, asked))];
    } catch (cause) {
      if (!(cause instanceof GroupsUnavailable)) throw cause;
      throw new ApprovalError('GROUPS_UNAVAILABLE', { cause });
    }
  }

  async #change(
    id: string,
    by: Principal,
    change: (approval: Approval, circumstances: Circumstances) => Change,
  ): Promise<Approval> {
    return this.parts.approvals.change(id, (approval, circumstances) => {
      if (!maySee(approval, by, circumstances.now)) throw new ApprovalError('APPROVAL_NOT_FOUND');
      return change(approval, circumstances);
    });
  }

  async #recorded<T>(
    by: Principal,
    approvalId: string,
    { name, channel }: Deed,
    work: () => Promise<T>,
  ): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (error instanceof ApprovalError) {
        const { objectId, tenantId } = by;
        const who = { approvalId, tenantId, objectId, remoteAddress: null };
        await this.recordRefused({ ...who, channel, code: error.code, detail: name });
      }
      throw error;
    }
  }
}

function pressed(approval: Approval, by: Principal, press: Press, given: Circumstances): Change {
  const after = vote(approval, by, press, given.now);
  const cast = after.votes.at(-1);
  if (after === approval || cast === undefined) return { approval };
  return {
    approval: after,
    said: votedEvent(after, cast, { time: given.now, origin: given.origin }),
  };
}

/** What an administrator may read of an approval that is none of theirs. */
function metadataOf(view: ApprovalView): ApprovalView {
  const votes = view.votes.map((vote) => ({ ...vote, reason: '' }));
  const decision = view.decision === null ? null : { ...view.decision, reason: '' };
  return { ...view, maskedArguments: '', justification: null, similar: [], votes, decision };
}
