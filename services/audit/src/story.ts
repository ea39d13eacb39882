import {
  callApproved,
  callCancelled,
  callCompleted,
  callDecided,
  callExpired,
  callFailed,
  callForwarded,
  callRefused,
  callRequested,
} from '#contracts';
import { z } from 'zod';
import type { StoredEvent } from './entry.js';

/** One call in a line: who wanted what, what was said of it, and how it ended. */
export interface CallSummary {
  readonly callId: string;
  readonly firstSeen: string;
  readonly principal: unknown;
  readonly server: string | null;
  readonly method: string | null;
  readonly resource: string | null;
  readonly sessionId: string | null;
  /** What policy said; null where it said nothing. */
  readonly verdict: string | null;
  readonly ruleIds: readonly string[];
  readonly approval: 'approved' | 'refused' | 'expired' | 'asked' | null;
  readonly approvalId: string | null;
  readonly wasForwarded: boolean;
  /** `open` while no event has ended the call. */
  readonly outcome: 'ok' | 'error' | 'failed' | 'cancelled' | 'open';
  readonly code: string | null;
}

const text = z.string().nullable().catch(null);
const dataSchema = z.object({
  principal: z.unknown().default(null),
  server: text,
  method: text,
  resource: text,
  sessionId: text,
  approvalId: text,
  code: text,
  outcome: z.enum(['ok', 'error']).catch('ok'),
  verdict: z
    .object({ effect: text, ruleIds: z.array(z.string()).catch([]) })
    .catch({ effect: null, ruleIds: [] }),
});
type Said = z.infer<typeof dataSchema>;

/** Causes before effects; otherwise by time, and by persistence where times are equal. */
export function inOrder<E extends { readonly event: StoredEvent | null }>(
  entries: readonly E[],
): E[] {
  const byTime = entries.toSorted((a, b) => timeOf(a).localeCompare(timeOf(b)));
  const byId = new Map(byTime.map((entry) => [entry.event?.id, entry]));
  const ordered = new Set<E>();
  const visit = (entry: E, depth: number): void => {
    const causeId = entry.event?.causationid;
    const cause = causeId === undefined ? undefined : byId.get(causeId);
    if (cause !== undefined && !ordered.has(cause) && depth < entries.length) {
      visit(cause, depth + 1);
    }
    ordered.add(entry);
  };
  for (const entry of byTime) visit(entry, 0);
  return [...ordered];
}

/** Sums up the events of one call. */
export function summaryOf(callId: string, events: readonly StoredEvent[]): CallSummary {
  const types = new Set(events.map((each) => each.type));
  const asked = saidBy(events, types.has(callRequested.type) ? callRequested : callFailed);
  const { principal, server, method, resource, sessionId } = asked;
  const { verdict } = saidBy(events, callDecided);
  const approvals = events.flatMap((each) => dataOf(each).approvalId ?? []);
  return {
    callId,
    firstSeen: events.map((each) => each.time).toSorted()[0] ?? '',
    principal,
    server,
    method,
    resource,
    sessionId,
    verdict: verdict.effect,
    ruleIds: verdict.ruleIds,
    approval: approvalOf(types, verdict.effect),
    approvalId: approvals[0] ?? null,
    wasForwarded: types.has(callForwarded.type),
    ...endOf(events, types),
  };
}

function endOf(
  events: readonly StoredEvent[],
  types: ReadonlySet<string>,
): Pick<CallSummary, 'outcome' | 'code'> {
  if (types.has(callCompleted.type)) {
    return { outcome: saidBy(events, callCompleted).outcome, code: null };
  }
  if (types.has(callFailed.type)) {
    return { outcome: 'failed', code: saidBy(events, callFailed).code };
  }
  return { outcome: types.has(callCancelled.type) ? 'cancelled' : 'open', code: null };
}

function approvalOf(types: ReadonlySet<string>, effect: string | null): CallSummary['approval'] {
  if (types.has(callApproved.type)) return 'approved';
  if (types.has(callRefused.type)) return 'refused';
  if (types.has(callExpired.type)) return 'expired';
  return effect === 'review' ? 'asked' : null;
}

/** The data of the first event of a type; empty where there is none. */
function saidBy(events: readonly StoredEvent[], contract: { readonly type: string }): Said {
  return dataOf(events.find((each) => each.type === contract.type));
}

function dataOf(event: StoredEvent | undefined): Said {
  return dataSchema.parse(event?.data ?? {});
}

function timeOf(entry: { readonly event: StoredEvent | null }): string {
  return entry.event?.time ?? '';
}
