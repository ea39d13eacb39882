import { generateKeyPairSync, sign } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { callDigest } from '#trust';
import { anomaliesOf, canonical, digestOf, openCalls } from './checker.js';
import type { ClientCall, Execution, History, LoggedEvent, Row } from './history.js';

const policy = generateKeyPairSync('ed25519');
const approval = generateKeyPairSync('ed25519');
const stranger = generateKeyPairSync('ed25519');
const pem = (pair: typeof policy): string =>
  pair.publicKey.export({ type: 'spki', format: 'pem' }).toString();

const later = '2026-01-01T00:05:00.000Z';
const asked = { nonce: 'nonce-1', text: 'room 12' };
const answer = '{"result":{"content":[{"type":"text","text":"nonce-1: write to ••••"}]}}';

const ingress = 'ingress-1';

function signed(purpose: string, statement: unknown, pair = policy): string {
  const bytes = Buffer.from(`countersign:${purpose}:v1\n${canonical(statement)}`);
  return sign(null, bytes, pair.privateKey).toString('base64url');
}

/** Events of a call in the order of its story; places follow from their order. */
function logged(events: Story): LoggedEvent[] {
  return events.map(([name, timestampMs, data], offset) => ({
    topic: topicOf(name),
    partition: 0,
    offset,
    timestampMs,
    rawHash: `hash-${offset}`,
    id: `event-${offset}`,
    type: `countersign.call.${name}.v1`,
    data: { ...data },
  }));
}

function topicOf(name: string): string {
  if (name === 'decided') return 'countersign.verdicts.v1';
  if (name === 'approved') return 'countersign.approvals.v1';
  if (name === 'answered') return 'countersign.answers.v1';
  return name === 'masked' ? 'countersign.results.v1' : 'countersign.calls.v1';
}

function rowsOf(events: readonly LoggedEvent[]): Row[] {
  return events
    .filter((each) => each.topic !== 'countersign.answers.v1')
    .map(({ topic, partition, offset, rawHash, id }) => ({
      topic,
      partition,
      offset,
      rawHash,
      eventId: id,
      isDuplicate: false,
    }));
}

type Data = Readonly<Record<string, unknown>>;
type Story = readonly (readonly [string, number, Data])[];

interface Planted {
  readonly tool?: 'echo' | 'signed_echo';
  readonly story?: (story: Story) => Story;
  readonly events?: (events: LoggedEvent[]) => LoggedEvent[];
  readonly rows?: (rows: Row[]) => Row[];
  readonly call?: Partial<ClientCall>;
  readonly executions?: (honest: Execution) => readonly Execution[];
  readonly history?: Partial<History>;
}

const refusedWith = (code: string, executed = 'no'): ClientCall['outcome'] => ({
  kind: 'refused',
  code,
  executed,
});

/** The story of one call that was answered. */
function honestStory(tool: 'echo' | 'signed_echo'): Story {
  const digest = digestOf('spy', tool, asked);
  const effect = tool === 'echo' ? 'allow' : 'review';
  const callId = 'call-1';
  const verdict = { callId, digest, effect, notAfter: later };
  const statement = { approvalId: 'approval-1', callId, digest, notAfter: later };
  const approvalId = tool === 'echo' ? null : 'approval-1';
  const approved = { callId, statement, signature: signed('approval', statement, approval) };
  return [
    ['requested', 1000, { callId, ingress, digest }],
    ['decided', 1001, { callId, verdict, signature: signed('verdict', verdict) }],
    ...(tool === 'echo' ? [] : [['approved', 1002, approved] as const]),
    ['forwarded', 1003, { callId, ingress, digest, approvalId }],
    ['answered', 1006, { callId, sealed: 'sealed' }],
    ['masked', 1007, { callId, content: answer }],
    ['completed', 1008, { callId }],
  ];
}

/** One honest call, answered, with what a test plants into it. */
function historyOf(planted: Planted = {}): History {
  const tool = planted.tool ?? 'echo';
  const honest = honestStory(tool);
  const told = planted.story?.(honest) ?? honest;
  const events = (planted.events ?? ((each) => each))(logged(told));
  const execution = { nonce: 'nonce-1', tool, arguments: asked, atMs: 1005 };
  return {
    calls: [
      { nonce: 'nonce-1', outcome: { kind: 'answered' }, text: answer, ms: 10, ...planted.call },
    ],
    executions: (planted.executions ?? ((each) => [each]))(execution),
    events,
    rows: (planted.rows ?? ((each) => each))(rowsOf(events)),
    brokenChains: [],
    writings: ['a quiet log'],
    canaries: ['ada@lighthouse.example', '4111 1111 1111 1111'],
    server: 'spy',
    survivor: ingress,
    policyKey: pem(policy),
    approvalKey: pem(approval),
    refusalBoundMs: 5000,
    ...planted.history,
  };
}

const without =
  (name: string) =>
  (story: Story): Story =>
    story.filter(([each]) => each !== name);
const changed =
  (name: string, change: (data: Data) => Data) =>
  (story: Story): Story =>
    story.map(([each, at, data]) => (each === name ? [each, at, change(data)] : [each, at, data]));
const delayed =
  (name: string, atMs: number) =>
  (story: Story): Story =>
    story.map(([each, at, data]) => [each, each === name ? atMs : at, data]);

function unsigned(data: Data): Data {
  return { ...data, signature: signed('verdict', data['verdict'], stranger) };
}

function reworded(word: Data): (data: Data) => Data {
  return (data) => {
    const other = Object.assign({}, data['verdict'], word);
    return { ...data, verdict: other, signature: signed('verdict', other) };
  };
}

describe('an honest history', () => {
  test.each<[string, Planted]>([
    ['of a call that was answered', {}],
    ['of a call that was signed', { tool: 'signed_echo' }],
    [
      'of a call that was refused',
      {
        story: (story) => [
          ...without('forwarded')(story).slice(0, 2),
          ['failed', 1004, { callId: 'call-1' }],
        ],
        executions: () => [],
        call: { outcome: refusedWith('VERDICT_TIMEOUT'), text: '{}', ms: 2000 },
      },
    ],
    [
      'of a call whose client lost its connection',
      { call: { outcome: { kind: 'lost' }, text: '' } },
    ],
    [
      'of a call whose ingress was killed',
      {
        story: without('completed'),
        call: { outcome: { kind: 'lost' }, text: '' },
        history: { survivor: 'ingress-2' },
      },
    ],
    [
      'with an event that was stated twice and stored once',
      {
        events: (events) => [...events, { ...events[0]!, offset: 99 }],
        rows: (rows) =>
          rows.map((row) => (row.offset === 99 ? { ...row, isDuplicate: true } : row)),
      },
    ],
  ])('%s has no anomaly', (_, planted) => {
    expect(anomaliesOf(historyOf(planted))).toEqual([]);
  });
});

describe('a planted anomaly is found', () => {
  test.each<[string, Planted, string]>([
    ['no request on record', { story: without('requested') }, 'executed-without-record'],
    ['no forwarding on record', { story: without('forwarded') }, 'executed-without-record'],
    ['no verdict', { story: without('decided') }, 'executed-without-verdict'],
    [
      'a verdict of a stranger',
      { story: changed('decided', unsigned) },
      'executed-without-verdict',
    ],
    [
      'a verdict altered after it was signed',
      { story: changed('decided', (data) => ({ ...data, verdict: { effect: 'allow' } })) },
      'executed-without-verdict',
    ],
    [
      'a verdict of another request',
      { story: changed('decided', reworded({ digest: 'f'.repeat(64) })) },
      'executed-without-verdict',
    ],
    [
      'a verdict that denies',
      { story: changed('decided', reworded({ effect: 'deny' })) },
      'executed-without-verdict',
    ],
    [
      'a verdict that asks for people, and none signed',
      { tool: 'signed_echo', story: without('approved') },
      'executed-without-approval',
    ],
    [
      'an approval under another name than that of the forwarding',
      {
        tool: 'signed_echo',
        story: changed('forwarded', (data) => ({ ...data, approvalId: 'approval-2' })),
      },
      'executed-without-approval',
    ],
    [
      'arguments that nobody judged',
      { executions: (each) => [{ ...each, arguments: { ...asked, text: 'room 13' } }] },
      'executed-without-record',
    ],
    [
      'an execution before the forwarding',
      { story: delayed('forwarded', 1006) },
      'executed-before-record',
    ],
    [
      'a verdict after the forwarding',
      { story: delayed('decided', 1004) },
      'executed-before-record',
    ],
    [
      'a second execution',
      { executions: (each) => [each, { ...each, atMs: 1009 }] },
      'executed-twice',
    ],
    [
      'one approval for two calls',
      {
        tool: 'signed_echo',
        story: (story) => [
          ...story,
          ['forwarded', 1010, { callId: 'call-2', approvalId: 'approval-1' }],
        ],
      },
      'approval-used-twice',
    ],
    ['an unmasked answer', { call: { text: 'nonce-1 ada@lighthouse.example' } }, 'canary-leaked'],
    [
      'a canary in a refusal',
      { call: { outcome: refusedWith('ANSWER_WITHHELD', 'yes'), text: '4111111111111111' } },
      'canary-leaked',
    ],
    [
      'a canary in a topic',
      { story: changed('masked', (data) => ({ ...data, content: 'ada@lighthouse.example' })) },
      'canary-leaked',
    ],
    ['a canary in a log', { history: { writings: ['… 4111 1111 1111 1111 …'] } }, 'canary-leaked'],
    [
      'an answer that masking never published',
      { call: { text: `${answer} ` } },
      'answer-not-on-record',
    ],
    ['an answer without an execution', { executions: () => [] }, 'answer-not-on-record'],
    [
      'a refusal without a code',
      { call: { outcome: refusedWith('UNTYPED', 'unknown') } },
      'refusal-untyped',
    ],
    [
      'a refusal that denies an execution',
      { call: { outcome: refusedWith('VERDICT_TIMEOUT') } },
      'refusal-untrue',
    ],
    [
      'a refusal after its bound',
      { call: { outcome: refusedWith('ANSWER_WITHHELD', 'yes'), ms: 5001 } },
      'refusal-late',
    ],
    ['a call without an end', { story: without('completed') }, 'call-left-open'],
    [
      'a call with two ends',
      { story: (story) => [...story, ['failed', 1010, { callId: 'call-1' }]] },
      'call-ended-twice',
    ],
    ['an event that is not stored', { rows: (rows) => rows.slice(1) }, 'event-lost'],
    [
      'an event whose only row counts as a repeat',
      { rows: ([first, ...rows]) => [{ ...first!, isDuplicate: true }, ...rows] },
      'event-lost',
    ],
    [
      'a repeat that is stored as an event of its own',
      { events: (events) => [...events, { ...events[0]!, offset: 99 }] },
      'event-doubled',
    ],
    ['a row stored twice', { rows: (rows) => [...rows, rows[0]!] }, 'event-doubled'],
    [
      'a row that no topic has',
      { rows: (rows) => [...rows, { ...rows[0]!, eventId: 'event-98', offset: 98 }] },
      'row-invented',
    ],
    [
      'a row of other bytes',
      { rows: ([first, ...rows]) => [{ ...first!, rawHash: 'other' }, ...rows] },
      'row-altered',
    ],
    [
      'a chain that does not verify',
      { history: { brokenChains: ['calls/0: row-changed'] } },
      'chain-broken',
    ],
  ])('%s', (_, planted, kind) => {
    const kinds = anomaliesOf(historyOf(planted)).map((each) => each.kind);

    expect(kinds).toContain(kind);
  });
});

test('when a call has no end, then it counts as open once, however often its request was stated', () => {
  const { events } = historyOf({ story: without('completed') });

  expect(openCalls({ events: [...events, events[0]!] })).toHaveLength(1);
  expect(openCalls(historyOf())).toEqual([]);
});

test('when the same request is digested, then the checker and the product agree', () => {
  const facts = { action: 'execute', objects: ['echo'], complete: false };
  const extras = { envelope: {}, meta: {}, rest: {} };
  const method = 'tools/call';
  const operation = { protocol: 'mcp', server: 'spy', method, resource: 'echo' };

  expect(digestOf('spy', 'echo', { b: [1, 'é'], a: null })).toBe(
    callDigest({
      ...operation,
      kind: 'statement',
      arguments: { a: null, b: [1, 'é'] },
      extras,
      facts,
    }),
  );
});
