import { createHash, verify } from 'node:crypto';
import { z } from 'zod';
import type { ClientCall, Execution, History, LoggedEvent, Row } from './history.js';

/** What must never be found. */
export interface Anomaly {
  readonly kind:
    | 'executed-without-record'
    | 'executed-without-verdict'
    | 'executed-without-approval'
    | 'executed-before-record'
    | 'executed-twice'
    | 'approval-used-twice'
    | 'canary-leaked'
    | 'answer-not-on-record'
    | 'refusal-untyped'
    | 'refusal-untrue'
    | 'refusal-late'
    | 'call-left-open'
    | 'call-ended-twice'
    | 'event-lost'
    | 'event-doubled'
    | 'row-invented'
    | 'row-altered'
    | 'chain-broken';
  readonly detail: string;
}

const answersTopic = 'countersign.answers.v1';
const endings = new Set(['completed', 'failed', 'cancelled'].map((each) => typeOf(each)));

/** Judges a history. It knows the contracts by their published words only, and shares no code with the product. */
export function anomaliesOf(history: History): Anomaly[] {
  return [
    ...executions(history),
    ...clientSide(history),
    ...closures(history),
    ...record(history),
    ...leaks(history),
  ];
}

/** Calls that were requested and have no end: those of a replica that was killed may. */
export function openCalls(history: Pick<History, 'events'>): readonly LoggedEvent[] {
  const ended = new Set(
    history.events.filter((each) => endings.has(each.type)).map((each) => callIdOf(each)),
  );
  const open = ofType(history.events, 'requested').filter((each) => !ended.has(callIdOf(each)));
  return [...new Map(open.map((each) => [each.id, each])).values()];
}

/** The digest that a call must have been signed under, from what the upstream saw of it. */
export function digestOf(server: string, tool: string, asked: unknown): string {
  return sha256(
    canonical({
      protocol: 'mcp',
      server,
      method: 'tools/call',
      resource: tool,
      kind: 'statement',
      arguments: asked,
      extras: { envelope: {}, meta: {}, rest: {} },
      facts: { action: 'execute', objects: [tool], complete: false },
    }),
  );
}

/** Canonical JSON for values whose strings and integers need no more than sorted members. */
export function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map((each) => canonical(each)).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const members = Object.entries(value)
    .filter(([, member]) => member !== undefined)
    .toSorted(([a], [b]) => (a < b ? -1 : 1));
  return `{${members.map(([name, member]) => `${JSON.stringify(name)}:${canonical(member)}`).join(',')}}`;
}

function executions(history: History): Anomaly[] {
  const byDigest = Map.groupBy(ofType(history.events, 'requested'), (each) =>
    String(each.data['digest']),
  );
  const byCall = Map.groupBy(history.events, (each) => callIdOf(each));
  const counts = Map.groupBy(history.executions, (each) => each.nonce);
  const twice = [...counts].filter(([, each]) => each.length > 1);
  return [
    ...twice.map(([nonce, each]) => ({
      kind: 'executed-twice' as const,
      detail: `${nonce} ${each.length} times`,
    })),
    ...approvalsUsedTwice(history.events),
    ...history.executions.flatMap((each) => {
      const digest = digestOf(history.server, each.tool, each.arguments);
      const [requested] = byDigest.get(digest) ?? [];
      if (requested === undefined) {
        return [{ kind: 'executed-without-record' as const, detail: `${each.nonce}: no request` }];
      }
      const story = byCall.get(callIdOf(requested)) ?? [];
      return oneExecution(history, each, { digest, requested, story });
    }),
  ];
}

interface Story {
  readonly digest: string;
  readonly requested: LoggedEvent;
  readonly story: readonly LoggedEvent[];
}

const verdictSchema = z.looseObject({
  callId: z.string(),
  digest: z.string(),
  effect: z.string(),
  notAfter: z.iso.datetime(),
});
const approvalSchema = z.looseObject({
  approvalId: z.string(),
  callId: z.string(),
  digest: z.string(),
  notAfter: z.iso.datetime(),
});

function oneExecution(history: History, execution: Execution, found: Story): Anomaly[] {
  const { digest, requested, story } = found;
  const { nonce, atMs } = execution;
  const forwarded = ofType(story, 'forwarded').find((each) => each.data['digest'] === digest);
  if (forwarded === undefined) {
    return [{ kind: 'executed-without-record', detail: `${nonce}: not forwarded` }];
  }
  const callId = callIdOf(requested);
  const decided = ofType(story, 'decided').find((each) => {
    const verdict = signed(each, 'verdict', history.policyKey, verdictSchema);
    return verdict?.digest === digest && verdict.callId === callId && verdict.effect !== 'deny';
  });
  if (decided === undefined) return [{ kind: 'executed-without-verdict', detail: nonce }];
  const before = [requested, decided, forwarded];
  if (z.object({ effect: z.string() }).parse(decided.data['verdict']).effect === 'review') {
    const approved = ofType(story, 'approved').find((each) => {
      const statement = signed(each, 'approval', history.approvalKey, approvalSchema);
      if (statement?.approvalId !== forwarded.data['approvalId']) return false;
      return statement?.digest === digest && statement.callId === callId;
    });
    if (approved === undefined) return [{ kind: 'executed-without-approval', detail: nonce }];
    before.splice(2, 0, approved);
  }
  return isInOrder(before, atMs) ? [] : [{ kind: 'executed-before-record', detail: nonce }];
}

/** Each by its time, and within one partition by its place. */
function isInOrder(events: readonly LoggedEvent[], executedAtMs: number): boolean {
  return events.every((each, index) => {
    const next = events[index + 1];
    const isSameLog = next?.topic === each.topic && next.partition === each.partition;
    if (isSameLog && next.offset < each.offset) return false;
    return each.timestampMs <= (next?.timestampMs ?? executedAtMs);
  });
}

function approvalsUsedTwice(events: readonly LoggedEvent[]): Anomaly[] {
  const uses = Map.groupBy(
    ofType(events, 'forwarded').filter((each) => each.data['approvalId'] !== null),
    (each) => String(each.data['approvalId']),
  );
  return [...uses]
    .filter(([, each]) => new Set(each.map((use) => callIdOf(use))).size > 1)
    .map(([detail]) => ({ kind: 'approval-used-twice' as const, detail }));
}

function clientSide(history: History): Anomaly[] {
  const executed = new Map(history.executions.map((each) => [each.nonce, each]));
  // A call that was held is made again under another id and the same digest.
  const requested = Map.groupBy(ofType(history.events, 'requested'), (each) =>
    String(each.data['digest']),
  );
  const masked = Map.groupBy(ofType(history.events, 'masked'), (each) => callIdOf(each));
  const isOnRecord = ({ nonce, text }: ClientCall): boolean => {
    const execution = executed.get(nonce);
    if (execution === undefined || !text.includes(nonce)) return false;
    const digest = digestOf(history.server, execution.tool, execution.arguments);
    const ids = (requested.get(digest) ?? []).map((each) => callIdOf(each));
    const parts = ids.flatMap((id) => masked.get(id) ?? []);
    return parts.some((each) => each.data['content'] === text);
  };
  return history.calls.flatMap((call): Anomaly[] => {
    const { kind } = call.outcome;
    if (kind === 'refused') return refusalFaults(call, executed, history.refusalBoundMs);
    if (kind === 'lost' || isOnRecord(call)) return [];
    return [{ kind: 'answer-not-on-record', detail: call.nonce }];
  });
}

function refusalFaults(
  { nonce, outcome, text, ms }: ClientCall,
  executed: ReadonlyMap<string, Execution>,
  boundMs: number,
): Anomaly[] {
  if (outcome.kind !== 'refused') return [];
  const { code } = outcome;
  const found: Anomaly[] = [];
  if (code === 'UNTYPED') found.push({ kind: 'refusal-untyped', detail: `${nonce} ${text}` });
  if (outcome.executed === 'no' && executed.has(nonce)) {
    found.push({ kind: 'refusal-untrue', detail: `${nonce} ${code}` });
  }
  if (ms > boundMs) {
    found.push({ kind: 'refusal-late', detail: `${nonce} ${code} ${Math.round(ms)} ms` });
  }
  return found;
}

function closures(history: History): Anomaly[] {
  const ends = Map.groupBy(
    history.events.filter((each) => endings.has(each.type)),
    (each) => callIdOf(each),
  );
  const twice = [...ends].filter(([, each]) => new Set(each.map(({ id }) => id)).size > 1);
  const open = openCalls(history).filter((each) => each.data['ingress'] === history.survivor);
  return [
    ...twice.map(([detail]) => ({ kind: 'call-ended-twice' as const, detail })),
    ...open.map((each) => ({ kind: 'call-left-open' as const, detail: callIdOf(each) })),
  ];
}

/** The record against the topics: every record once, every event once, nothing more. */
function record(history: History): Anomaly[] {
  const logged = history.events.filter((each) => each.topic !== answersTopic);
  const byPlace = Map.groupBy(history.rows, (row) => placeOf(row));
  const places = new Map(logged.map((each) => [placeOf(each), each]));
  const firsts = history.rows.filter((row) => !row.isDuplicate && row.eventId !== null);
  const byId = Map.groupBy(firsts, (row) => row.eventId ?? '');
  const ids = new Set(logged.map((each) => each.id));
  return [
    ...[...ids]
      .filter((id) => !byId.has(id))
      .map((detail) => ({ kind: 'event-lost' as const, detail })),
    ...[...byId]
      .filter(([, rows]) => rows.length > 1)
      .map(([detail]) => ({ kind: 'event-doubled' as const, detail })),
    ...[...places.keys()]
      .filter((place) => !byPlace.has(place))
      .map((detail) => ({ kind: 'event-lost' as const, detail })),
    ...[...byPlace].flatMap(([detail, rows]) => rowFaults(detail, rows, places.get(detail))),
    ...history.brokenChains.map((detail) => ({ kind: 'chain-broken' as const, detail })),
  ];
}

function rowFaults(
  detail: string,
  rows: readonly Row[],
  logged: LoggedEvent | undefined,
): Anomaly[] {
  if (logged === undefined) return [{ kind: 'row-invented', detail }];
  if (rows.length > 1) return [{ kind: 'event-doubled', detail }];
  return rows.every((row) => row.rawHash === logged.rawHash && row.eventId === logged.id)
    ? []
    : [{ kind: 'row-altered', detail }];
}

/** Canaries in what the client got, in what the broker keeps, and in whatever else was written. */
function leaks(history: History): Anomaly[] {
  const words = history.canaries.flatMap((each) => [each, each.replaceAll(' ', '')]);
  const leaked = (text: string): boolean => words.some((word) => text.includes(word));
  return [
    ...history.calls.filter((each) => leaked(each.text)).map(({ nonce }) => nonce),
    ...history.events
      .filter((each) => leaked(JSON.stringify(each.data)))
      .map((each) => `${each.type} ${placeOf(each)}`),
    ...history.writings.filter((each) => leaked(each)).map(() => 'a log or the record'),
  ].map((detail) => ({ kind: 'canary-leaked' as const, detail }));
}

/** A signed statement that holds; undefined for any other. */
function signed<T extends z.ZodType>(
  event: LoggedEvent,
  purpose: 'verdict' | 'approval',
  key: string,
  schema: T,
): z.infer<T> | undefined {
  const name = purpose === 'verdict' ? 'verdict' : 'statement';
  const statement = event.data[name];
  const bytes = Buffer.from(`countersign:${purpose}:v1\n${canonical(statement)}`, 'utf8');
  const signature = Buffer.from(String(event.data['signature']), 'base64url');
  return verify(null, bytes, key, signature) ? schema.parse(statement) : undefined;
}

function ofType(events: readonly LoggedEvent[], name: string): LoggedEvent[] {
  return events.filter((each) => each.type === typeOf(name));
}

function typeOf(name: string): string {
  return `countersign.call.${name}.v1`;
}

function callIdOf(event: LoggedEvent): string {
  const { data } = event;
  const named: unknown = data['callId'];
  if (typeof named === 'string') return named;
  const statement = z.object({ callId: z.string() }).safeParse(data['statement']);
  return statement.success ? statement.data.callId : '';
}

function placeOf({
  topic,
  partition,
  offset,
}: Pick<Row, 'topic' | 'partition' | 'offset'>): string {
  return `${topic}/${partition}/${offset}`;
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
