import { describe, expect, test } from 'vitest';
import { actionsOf, inputsOf, linesOf, mistakeIn } from '../../../../demo/teams/card-rules.js';
import type { ApprovalState, ApprovalView } from '../approval-view.js';
import { approvalCard, maxCardBytes, noticeCard } from './card.js';
import { approvalView } from './gateway.suite.js';

const nonce = 'f1f2f3f4f5f6f7f8f1f2f3f4f5f6f7f8';
const actor = (displayName: string | null) => ({
  tenantId: '11111111-2222-4333-8444-555555555555',
  objectId: 'b0000000-0000-4000-8000-000000000003',
  displayName,
});
const at = new Date('2026-11-23T10:05:00Z');
const scope = { server: 'orders', resources: ['delete_order'], when: 'args.id < 100', calls: 5 };

/** A view whose every text is the given one, as often as there is room for it. */
function filledWith(text: string, changes: Partial<ApprovalView> = {}): ApprovalView {
  const many = (count: number) => Array.from({ length: count }, (_, index) => index);
  return approvalView({
    requester: actor(text),
    clientApp: text,
    client: { name: text, version: text },
    server: text,
    labels: Object.fromEntries(many(20).map((each) => [`${text}${each}`, text])),
    method: text,
    resource: text,
    maskedArguments: JSON.stringify(
      Object.fromEntries(many(60).map((each) => [`${each}${text}`, text])),
    ),
    digest: text,
    rules: many(20).map(() => ({ id: text, message: text })),
    sets: many(20).map(() => ({
      groups: many(20).map(() => ({ id: text, name: text })),
      quorum: 2,
      signed: 1,
      isEscalation: true,
    })),
    justification: `${text}\n`.repeat(50),
    risk: { level: 'high', reasons: many(20).map(() => text) },
    drift: { lastApprovedAt: at },
    similar: many(20).map(() => ({
      approvalId: text,
      outcome: 'used' as const,
      requester: text,
      decidedBy: text,
      decidedAt: at,
      reason: text,
    })),
    votes: many(20).map(() => ({
      voter: actor(text),
      decision: 'approve' as const,
      reason: text,
      channel: text,
      votedAt: at,
      grantSeconds: null,
    })),
    grantOffer: {
      maxSeconds: 1800,
      scope: { server: text, resources: many(20).map(() => text), when: text, calls: null },
    },
    ...changes,
  });
}

/** Everything with a type that the card holds. */
function nodes(value: unknown): Record<string, unknown>[] {
  if (typeof value !== 'object' || value === null) return [];
  const inner = Object.values(value).flatMap(nodes);
  const node: Record<string, unknown> = { ...value };
  return typeof node['type'] === 'string' ? [node, ...inner] : inner;
}

describe('an open approval', () => {
  test('when approvers are asked, then the card says everything in order', () => {
    const card = approvalCard(approvalView(), 'approvers', nonce);

    expect(linesOf(card)).toEqual([
      'Approval needed',
      'Ana Analyst asks to call delete_order on orders',
      'Risk: high – the tool deletes',
      'Rule: orders/deletions – Deletions need a second person.',
      'You are asked as one of: orders-owners – 0 of 1 signed',
      'Reason given by the requester',
      'The order was placed twice.',
      'Arguments, masked',
      '{',
      '\u00a0\u00a0"id": 42,',
      '\u00a0\u00a0"why": "duplicate"',
      '}',
      'Expires: 2026-11-23 10:10:00 UTC',
      'Approve once: the call runs now, this one time',
      'Requester: Ana Analyst (person) · b0000000-0000-4000-8000-000000000001',
      'Client: claude-code 2.1 · aebc6443-996d-45c2-90f0-388ff96faa56',
      'Tool: delete_order (tools/call)',
      'Server: orders',
      'Labels: environment = production',
      'Digest (SHA-256): e3b0c44298fc1c14',
      'Request: 0a0a0a0a-0000-4000-8000-000000000001',
    ]);
    expect(mistakeIn(card)).toBeUndefined();
  });

  test('when a rule allows single calls only, then there is no button for more', () => {
    const card = approvalCard(approvalView(), 'approvers', nonce);

    const data = { approvalId: '0a0a0a0a-0000-4000-8000-000000000001', nonce };
    expect(actionsOf(card)).toEqual([
      { type: 'Action.Execute', title: 'Approve once', verb: 'approve', style: 'positive', data },
      { type: 'Action.Execute', title: 'Deny', verb: 'refuse', style: 'destructive', data },
    ]);
    expect(card.actions?.at(-1)).toEqual({
      type: 'Action.OpenUrl',
      title: 'Details',
      url: 'https://gateway.example.com/approvals/0a0a0a0a-0000-4000-8000-000000000001',
    });
    expect(inputsOf(card)).toEqual(['reason']);
  });

  test('when a rule offers a grant, then the button and the scope say exactly what it would allow', () => {
    const view = approvalView({ grantOffer: { maxSeconds: 1800, scope } });

    const card = approvalCard(view, 'approvers', nonce);

    expect(actionsOf(card).map((each) => each.title)).toEqual([
      'Approve once',
      'Approve for 30 minutes',
      'Deny',
    ]);
    const lines = linesOf(card);
    expect(
      lines.slice(lines.indexOf('Approve once: the call runs now, this one time') + 1),
    ).toEqual(
      expect.arrayContaining([
        'Approve for 30 minutes: Ana Analyst may call this again without asking',
        'Exactly: delete_order',
        'On: orders',
        'Only where: args.id < 100',
        'How often: at most 5 calls',
        'Requester: Ana Analyst (person) · b0000000-0000-4000-8000-000000000001',
      ]),
    );
  });

  test('when more than one signature is missing, then nobody thinks that theirs runs the call', () => {
    const [set] = approvalView().sets;
    const sets = set === undefined ? [] : [{ ...set, quorum: 3, signed: 1 }];

    const lines = linesOf(approvalCard(approvalView({ sets }), 'approvers', nonce));

    expect(lines).toContain('You are asked as one of: orders-owners – 1 of 3 signed');
    expect(lines).toContain(
      'Approve once: counts as one of 2 signatures that are missing; then the call runs, one time',
    );
  });

  test('when others are asked too since nobody signed, then their signature is not one more', () => {
    const [set] = approvalView().sets;
    const leads = { groups: [{ id: 'leads', name: 'leads' }], quorum: 1, signed: 0 };
    const sets = set === undefined ? [] : [set, { ...leads, isEscalation: true }];

    const lines = linesOf(approvalCard(approvalView({ sets }), 'approvers', nonce));

    expect(lines).toContain('Asked too, since nobody signed: leads');
    expect(lines).toContain('Approve once: the call runs now, this one time');
  });

  test('when a grant is asked for ahead of need, then one button grants what is asked', () => {
    const grant = { id: null, scope, until: null, seconds: 7200 };
    const card = approvalCard(
      approvalView({ kind: 'grant', grant, maskedArguments: '' }),
      'approvers',
      nonce,
    );

    expect(actionsOf(card).map((each) => each.title)).toEqual(['Approve for 2 hours', 'Deny']);
    expect(linesOf(card)).toContain('Wanted: delete_order');
    expect(linesOf(card)).not.toContain('Arguments, masked');
  });

  test.each([
    ['too many tools', { resources: Array.from({ length: 7 }, (_, index) => `tool_${index}`) }],
    ['a name that is too long', { resources: ['x'.repeat(300), 'refund_everybody'] }],
    ['a condition that is too long', { when: `args.id < ${'1'.repeat(400)}` }],
  ])(
    'when a grant is of %s, then nobody can sign for it here, and the details are named',
    (_what, change) => {
      const large = { ...scope, ...change };
      const asked = { id: null, scope: large, until: null, seconds: 7200 };
      const wish = approvalCard(
        approvalView({ kind: 'grant', grant: asked, maskedArguments: '' }),
        'approvers',
        nonce,
      );
      const offer = approvalCard(
        approvalView({ grantOffer: { maxSeconds: 1800, scope: large } }),
        'approvers',
        nonce,
      );

      expect(actionsOf(wish).map((each) => each.title)).toEqual(['Deny']);
      expect(actionsOf(offer).map((each) => each.title)).toEqual(['Approve once', 'Deny']);
      for (const card of [wish, offer]) {
        const words = 'For a time: only in the details: its scope does not fit in here';
        expect(linesOf(card)).toContain(words);
        expect(card.actions?.at(-1)?.['title']).toBe('Details');
      }
    },
  );

  test('when a call ran on break-glass, then a review is asked for, and nothing else', () => {
    const card = approvalCard(
      approvalView({ kind: 'break-glass', state: 'unreviewed' }),
      'approvers',
      nonce,
    );

    expect(linesOf(card)[0]).toBe('Ran at once on break-glass; please review');
    expect(actionsOf(card).map((each) => [each.title, each.verb])).toEqual([
      ['Reviewed', 'review'],
    ]);
    expect(inputsOf(card)).toEqual(['reason']);
  });

  test('when the requester looks, then the card tells how it stands and has no buttons', () => {
    const card = approvalCard(
      approvalView({ grantOffer: { maxSeconds: 60, scope } }),
      'requester',
      nonce,
    );

    expect(linesOf(card)[0]).toBe('Waiting for approval');
    expect(linesOf(card)).toContain('Asked: orders-owners – 0 of 1 signed');
    expect(card.actions).toBeUndefined();
    expect(inputsOf(card)).toEqual([]);
    expect(JSON.stringify(card)).not.toContain(nonce);
  });

  test('when a reason is required and missing, then the requester is led to where to give it', () => {
    const view = approvalView({ isJustificationRequired: true, justification: null });

    const own = approvalCard(view, 'requester', nonce);

    expect(linesOf(own)).toContain('Reason: required, and not given yet');
    expect(own.actions?.map((each) => each.type)).toEqual(['Action.OpenUrl']);
  });

  test('when the tool has changed, and others were decided before, then both are shown', () => {
    const card = approvalCard(filledWith('x'), 'approvers', nonce);

    expect(linesOf(card)).toContain(
      "Warning: the tool's definition has changed since 2026-11-23 10:05:00 UTC",
    );
    expect(linesOf(card)).toContain('Before: approved by x at 2026-11-23 10:05:00 UTC: x');
    expect(linesOf(card)).toContain('Signed: x approved at 2026-11-23 10:05:00 UTC: x');
  });

  test.each([
    ['changed', "Warning: The tool's definition changed since it was accepted."],
    ['new', "Warning: The tool's definition is new and accepted by nobody."],
  ] as const)(
    'when nobody has accepted the definition (%s), then one line says so',
    (is, words) => {
      const card = approvalCard(approvalView({ definitionStanding: is }), 'approvers', nonce);

      expect(linesOf(card)).toContain(words);
    },
  );

  test.each(['javascript:alert(1)', 'not a url', ''])(
    'when the address is %j, then no button leads there',
    (url) => {
      const card = approvalCard(approvalView({ url }), 'approvers', nonce);

      expect(card.actions?.some((each) => each.type === 'Action.OpenUrl')).toBe(false);
    },
  );
});

describe('a settled approval', () => {
  const decision = { by: [actor('Petra'), actor('Paul')], at, reason: 'fine with us' };
  const until = new Date('2026-11-23T10:35:00Z');
  const outcomes: [ApprovalState, Partial<ApprovalView>, string[]][] = [
    [
      'approved',
      { decision },
      [
        'Approved',
        'By: Petra, Paul',
        'When: 2026-11-23 10:05:00 UTC',
        'Note: fine with us',
        'Mode: this call only, once',
      ],
    ],
    ['leased', { decision }, ['Approved', 'Mode: this call only, once']],
    ['used', { decision }, ['Approved', 'Mode: this call only, once']],
    [
      'granted',
      { decision, kind: 'grant', grant: { id: null, scope, until, seconds: 1800 } },
      [
        'Granted',
        'Granted for: delete_order',
        'How often: at most 5 calls',
        'Until: 2026-11-23 10:35:00 UTC',
      ],
    ],
    [
      'approved',
      { decision, grant: { id: null, scope, until: null, seconds: 1800 } },
      ['Approved', 'For: 30 minutes'],
    ],
    ['refused', { decision }, ['Denied', 'By: Petra, Paul', 'Note: fine with us']],
    ['expired', {}, ['Expired – not approved']],
    ['withdrawn', {}, ['Withdrawn by the requester']],
    [
      'reviewed',
      { decision, kind: 'break-glass' },
      ['Ran on break-glass; reviewed', 'By: Petra, Paul'],
    ],
  ];

  test.each(outcomes)(
    'when it is %s, then both audiences read how, and nobody can press',
    (state, change, lines) => {
      for (const audience of ['approvers', 'requester'] as const) {
        const card = approvalCard(approvalView({ ...change, state }), audience, nonce);

        expect(linesOf(card)).toEqual(expect.arrayContaining(lines));
        expect(card.actions).toBeUndefined();
        expect(inputsOf(card)).toEqual([]);
        expect(JSON.stringify(card)).not.toContain(nonce);
        expect(mistakeIn(card)).toBeUndefined();
      }
    },
  );

  test('when it is over, then the card still tells which call it was, in few lines', () => {
    const maskedArguments = JSON.stringify(Array.from({ length: 50 }, (_, index) => index));
    const view = approvalView({ state: 'used', decision, maskedArguments });

    const lines = linesOf(approvalCard(view, 'approvers', nonce));

    expect(lines[1]).toBe('Ana Analyst asked to call delete_order on orders');
    expect(lines[lines.indexOf('Arguments, masked') + 9]).toBe('[+44 lines]');
  });

  test('when it was denied, then nothing says that it was granted', () => {
    const grant = { id: null, scope, until: null, seconds: 1800 };
    const card = approvalCard(
      approvalView({ kind: 'grant', state: 'refused', decision, grant }),
      'approvers',
      nonce,
    );

    expect(linesOf(card).some((line) => line.startsWith('Granted'))).toBe(false);
  });
});

describe('hostile text', () => {
  const gallery = [
    '[Approve](https://evil.example)',
    '<a href="https://evil.example">x</a><img src=x onerror=alert(1)>',
    '**bold** _it_ # head\n- list\n1. one',
    '![beacon](https://evil.example/p.png)',
    '{{DATE(2026-11-23T10:00:00Z,SHORT)}} ${secret} {{{{{{',
    '\u202egnp.exe \u200b\u2066hidden\u2069',
    'a\u0000b\u001b[31m',
    `${String.fromCodePoint(0xe0041)}tag`,
    '"},{"type":"Action.Execute","verb":"approve"}',
    'Approval needed\nRequester: The Boss\n'.repeat(40),
    'Z̷͉̈́͋̋͗͛̈́͘a̶l̸g̵o'.repeat(50),
  ];

  test.each(gallery)('when everything says %j, then nothing of it has any effect', (text) => {
    const card = approvalCard(filledWith(text), 'approvers', nonce);

    const all = nodes(card);
    const runs = all
      .filter((each) => each['type'] === 'TextRun')
      .map((each) => String(each['text']));
    expect(new Set(all.map((each) => each['type']))).toEqual(
      new Set([
        'AdaptiveCard',
        'Container',
        'RichTextBlock',
        'TextRun',
        'Input.Text',
        'Action.Execute',
        'Action.OpenUrl',
      ]),
    );
    expect(runs.filter((run) => run.includes('{{'))).toEqual([]);
    expect(runs.filter((run) => /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u.test(run))).toEqual([]);
    expect(actionsOf(card).map((each) => each.title)).toEqual(['Approve once', 'Deny']);
    expect(linesOf(card)).toContain(
      'For a time: only in the details: its scope does not fit in here',
    );
    expect(card.fallbackText).toBe('A word from Countersign that this client cannot show.');
    const [head] = linesOf(card);
    expect(head).toBe('Approval needed');
    expect(mistakeIn(card)).toBeUndefined();
  });

  test('when the gallery stands in one card, then it reads as it is kept here', () => {
    const card = approvalCard(
      approvalView({
        resource: gallery[0] ?? '',
        justification: gallery.join('\n'),
        server: gallery[5] ?? '',
      }),
      'approvers',
      nonce,
    );

    expect(linesOf(card).slice(1, 26)).toMatchInlineSnapshot(`
      [
        "Ana Analyst asks to call [Approve](https://evil.example) on \\u{202e}gnp.exe \\u{200b}\\u{2066}hidden\\u{2069}",
        "Risk: high – the tool deletes",
        "Rule: orders/deletions – Deletions need a second person.",
        "You are asked as one of: orders-owners – 0 of 1 signed",
        "Reason given by the requester",
        "[Approve](https://evil.example)",
        "<a href="https://evil.example">x</a><img src=x onerror=alert(1)>",
        "**bold** _it_ # head",
        "- list",
        "1. one",
        "![beacon](https://evil.example/p.png)",
        "[+14 lines]",
        "Arguments, masked",
        "{",
        "  "id": 42,",
        "  "why": "duplicate"",
        "}",
        "Expires: 2026-11-23 10:10:00 UTC",
        "Approve once: the call runs now, this one time",
        "Requester: Ana Analyst (person) · b0000000-0000-4000-8000-000000000001",
        "Client: claude-code 2.1 · aebc6443-996d-45c2-90f0-388ff96faa56",
        "Tool: [Approve](https://evil.example) (tools/call)",
        "Server: \\u{202e}gnp.exe \\u{200b}\\u{2066}hidden\\u{2069}",
        "Labels: environment = production",
        "Digest (SHA-256): e3b0c44298fc1c14",
      ]
    `);
  });

  test('when arguments are no JSON, then they are shown as they are', () => {
    const card = approvalCard(approvalView({ maskedArguments: '{"cut":' }), 'approvers', nonce);

    expect(linesOf(card)).toContain('{"cut":');
  });
});

describe('size', () => {
  const long = (text: string) => text.repeat(5000);

  test.each([
    ['plain letters', 'x'],
    ['quotes that JSON escapes', '"\\'],
    ['characters of four bytes', '🙂'],
    ['braces', '{'],
    ['invisible characters', '\u202e'],
    ['lines', 'x\n'],
  ])(
    'when everything is endless and made of %s, then a card stays within its size',
    (_name, text) => {
      for (const state of ['pending', 'approved'] as const) {
        const decision = {
          by: Array.from({ length: 50 }, () => actor(long(text))),
          at,
          reason: long(text),
        };
        const changes = state === 'approved' ? { state, decision } : { state };
        const card = approvalCard(filledWith(long(text), changes), 'approvers', nonce);

        expect(Buffer.byteLength(JSON.stringify(card))).toBeLessThanOrEqual(maxCardBytes);
        expect(mistakeIn(card)).toBeUndefined();
      }
    },
  );

  test('when an ordinary approval is shown, then the card is small', () => {
    const card = approvalCard(approvalView(), 'approvers', nonce);

    expect(Buffer.byteLength(JSON.stringify(card))).toBeLessThan(6000);
  });

  test('when arguments are many, then buttons stay near: thirty lines and a mark', () => {
    const maskedArguments = JSON.stringify(Array.from({ length: 200 }, (_, index) => index));
    const lines = linesOf(approvalCard(approvalView({ maskedArguments }), 'approvers', nonce));

    const start = lines.indexOf('Arguments, masked') + 1;
    expect(lines[start + 30]).toBe('[+172 lines]');
  });
});

test('when a word is said besides, then it is text and nothing else', () => {
  const card = noticeCard('[x](https://evil.example)\n{{DATE(2026-11-23)}}');

  expect(linesOf(card)).toEqual(['[x](https://evil.example)', '{{DATE(2026-11-23)}}']);
  expect(mistakeIn(card)).toBeUndefined();
  expect(JSON.stringify(card)).not.toContain('{{');
});
