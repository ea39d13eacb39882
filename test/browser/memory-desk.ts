import { randomUUID } from 'node:crypto';
import type { Principal } from '#contracts';
import { demoGroups, demoIdentities, demoTenant } from '../../demo/entra/identities.js';
import { ApprovalError } from '../../services/approval/src/approval-error.js';
import type { ApprovalView, VoteView } from '../../services/approval/src/approval-view.js';
import {
  type CopyBinding,
  Desk,
  type DeskPage,
  type DeskPress,
  type DeskQuery,
  type RefusedPress,
} from '../../services/approval/src/desk.js';

const owners = { id: demoGroups['orders-owners'], name: 'orders-owners' };

/** A refund that the analyst asks for; `change` replaces members. */
export function sampleView(change: Partial<ApprovalView> = {}): ApprovalView {
  const id = change.id ?? randomUUID();
  return {
    id,
    kind: 'call',
    state: 'pending',
    version: 1,
    requester: {
      tenantId: demoTenant,
      objectId: demoIdentities.analyst.oid,
      displayName: 'Ana Analyst',
    },
    requesterKind: 'person',
    clientApp: 'aebc6443-996d-45c2-90f0-388ff96faa56',
    client: { name: 'claude-code', version: '2.1.0' },
    protocol: '2025-11-25',
    server: 'orders',
    labels: { stage: 'production' },
    method: 'tools/call',
    resource: 'refund_order',
    maskedArguments: '{"order":"O-1001","amount":250.00,"card":"****1234"}',
    digest: '7f'.repeat(32),
    bundle: 'ab'.repeat(32),
    rules: [{ id: 'refunds', message: 'Refunds above 100 need an owner.' }],
    sets: [{ groups: [owners], quorum: 1, signed: 0, isEscalation: false }],
    because: [],
    justification: 'Customer was charged twice, ticket 4711',
    isJustificationRequired: false,
    risk: { level: 'medium', reasons: ['the tool says that it changes data'] },
    definitionStanding: null,
    drift: null,
    similar: [],
    votes: [],
    decision: null,
    grantOffer: null,
    grant: null,
    requestedAt: new Date(Date.now() - 20_000),
    expiresAt: new Date(Date.now() + 600_000),
    url: `https://gateway.example/approvals/${id}`,
    ...change,
  };
}

/** A desk in memory, with just the rules that a page can meet. */
export class MemoryDesk extends Desk {
  readonly refused: RefusedPress[] = [];
  readonly presses: (DeskPress & { readonly id: string; readonly by: string })[] = [];
  /** Thrown by every method while it is set. */
  fault: Error | undefined;
  readonly #views = new Map<string, ApprovalView>();
  readonly #listeners = new Set<(approvalId: string) => void>();

  /** Adds or replaces one and tells. */
  put(view: ApprovalView): string {
    this.#views.set(view.id, { ...view, version: view.version + 1 });
    for (const listener of this.#listeners) listener(view.id);
    return view.id;
  }

  clear(): void {
    this.#views.clear();
    this.presses.length = 0;
    this.refused.length = 0;
  }

  override async page(reader: Principal, query: DeskQuery): Promise<DeskPage> {
    this.#check();
    const from = Number(query.cursor ?? 0);
    if (!Number.isInteger(from)) throw new ApprovalError('CURSOR_INVALID');
    const all = [...this.#views.values()]
      .filter((view) => maySee(view, reader))
      .filter((view) => query.states?.includes(view.state) ?? true)
      .filter((view) => query.server === undefined || view.server === query.server)
      .toSorted((a, b) => b.requestedAt.getTime() - a.requestedAt.getTime());
    const end = from + query.limit;
    return {
      approvals: all.slice(from, end).map((view) => forReader(view, reader)),
      next: end < all.length ? String(end) : null,
    };
  }

  override async view(reader: Principal, id: string): Promise<ApprovalView> {
    return forReader(this.#find(reader, id), reader);
  }

  override async press(by: Principal, id: string, press: DeskPress): Promise<ApprovalView> {
    const view = this.#find(by, id);
    if (view.state !== 'pending' && view.state !== 'unreviewed') {
      throw new ApprovalError('APPROVAL_ALREADY_DECIDED');
    }
    if (view.requester.objectId === by.objectId) throw new ApprovalError('APPROVER_IS_REQUESTER');
    if (forReader(view, by).because.length === 0) throw new ApprovalError('APPROVER_NOT_IN_GROUP');
    if (view.votes.some(({ voter }) => voter.objectId === by.objectId)) {
      throw new ApprovalError('APPROVAL_ALREADY_VOTED');
    }
    this.presses.push({ ...press, id, by: by.objectId });
    const { displayName, objectId, tenantId } = by;
    const voter = { displayName, objectId, tenantId };
    const { channel, decision, grantSeconds = null, reason } = press;
    const vote: VoteView = { voter, decision, reason, channel, votedAt: new Date(), grantSeconds };
    this.put(voted(view, vote));
    return this.view(by, id);
  }

  override async withdraw(by: Principal, id: string): Promise<ApprovalView> {
    const view = this.#find(by, id);
    if (view.requester.objectId !== by.objectId) throw new ApprovalError('NOT_THE_REQUESTER');
    this.put({ ...view, state: 'withdrawn', decision: { by: [], at: new Date(), reason: '' } });
    return this.view(by, id);
  }

  override async justify(by: Principal, id: string, words: string): Promise<ApprovalView> {
    const view = this.#find(by, id);
    if (view.requester.objectId !== by.objectId) throw new ApprovalError('NOT_THE_REQUESTER');
    this.put({ ...view, justification: words });
    return this.view(by, id);
  }

  override async publicView(id: string): Promise<ApprovalView> {
    const view = this.#views.get(id);
    if (view === undefined) throw new ApprovalError('APPROVAL_NOT_FOUND');
    return view;
  }

  override async binding(): Promise<CopyBinding | undefined> {
    return undefined;
  }

  override async recordRefused(press: RefusedPress): Promise<void> {
    this.refused.push(press);
  }

  override onChange(listener: (approvalId: string) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  #find(reader: Principal, id: string): ApprovalView {
    this.#check();
    const view = this.#views.get(id);
    if (view === undefined || !maySee(view, reader)) throw new ApprovalError('APPROVAL_NOT_FOUND');
    return view;
  }

  #check(): void {
    if (this.fault !== undefined) throw this.fault;
  }
}

function maySee(view: ApprovalView, reader: Principal): boolean {
  const isRequester = view.requester.objectId === reader.objectId;
  return isRequester || forReader(view, reader).because.length > 0;
}

function forReader(view: ApprovalView, reader: Principal): ApprovalView {
  const asked = view.sets.flatMap(({ groups }) => groups);
  return { ...view, because: asked.filter(({ id }) => reader.groups.includes(id)) };
}

function voted(view: ApprovalView, vote: VoteView): ApprovalView {
  const votes = [...view.votes, vote];
  const isApproval = vote.decision === 'approve';
  const sets = view.sets.map((set) => ({ ...set, signed: set.signed + (isApproval ? 1 : 0) }));
  const isOver = !isApproval || sets.every(({ quorum, signed }) => signed >= quorum);
  if (!isOver) return { ...view, votes, sets };
  const by = isApproval ? votes.map(({ voter }) => voter) : [vote.voter];
  const decision = { by, at: vote.votedAt, reason: vote.reason };
  const good = view.kind === 'break-glass' ? 'reviewed' : 'approved';
  return { ...view, votes, sets, decision, state: isApproval ? good : 'refused' };
}
