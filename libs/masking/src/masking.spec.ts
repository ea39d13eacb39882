import { describe, expect, test } from 'vitest';
import {
  compileProfile,
  maskProfileSchema,
  maskText,
  maskValue,
  MaskingError,
  type Json,
  type MaskProfile,
} from './index.js';

const hashKey = Buffer.from('a key for tests only');
const email = 'ada@example.com';
const card = '4111111111111111';

function profile(overrides: Partial<MaskProfile> = {}): MaskProfile {
  return { profile: 'standard', entities: {}, fields: {}, binary: 'withhold', ...overrides };
}

const secrets = profile({ profile: 'secrets' });
const none = profile({ profile: 'none' });

function encoded(text: string): string {
  return Buffer.from(text).toString('base64');
}

function code(act: () => unknown): string | undefined {
  try {
    act();
    return undefined;
  } catch (error) {
    return error instanceof MaskingError ? error.code : 'other';
  }
}

describe('text', () => {
  test.each([
    ['an e-mail address', `write to ${email}`, 'write to [EMAIL]'],
    ['a card', `card ${card} 12/27`, 'card ••••••••••••1111 12/27'],
    ['a card in groups', '4111 1111 1111 1111', '•••• •••• •••• 1111'],
    ['an account', 'DE89 3704 0044 0532 0130 00', '•••• •••• •••• •••• ••30 00'],
    ['a phone', 'call +44 20 7946 0958', 'call [PHONE]'],
    ['a password in a URL', 'postgres://app:s3cr3t@db/x', 'postgres://app:[BASIC_AUTH_URL]@db/x'],
    [
      'full-width digits',
      'card ４１１１１１１１１１１１１１１１',
      `card ${'•'.repeat(12)}１１１１`,
    ],
    ['zero-width characters', 'ada\u200b@exam\u00adple.com!', '[EMAIL]!'],
    ['a zero-width character before a number', `12\u200b${card}`, `12\u200b••••••••••••1111`],
    ['an escape of a URL', 'x?m=ada%40example.com', 'x?m=[EMAIL]'],
    ['an escape of JSON in a log line', String.raw`got "ada\u0040example.com"`, 'got "[EMAIL]"'],
  ])('when a text holds %s, then it is masked', (_, text, masked) => {
    expect(maskText(text, profile()).text).toBe(masked);
  });

  test.each([
    ['a tab', '4111 1111\t1111 1111'],
    ['a line end', '4111 1111\n1111 1111'],
    ['a table border', '4111 1111 | 1111 1111'],
  ])('when %s parts two cells, then their digits are not joined', (_, text) => {
    expect(maskText(text, profile()).text).toBe(text);
  });

  test('when the profile is secrets, then only secrets are masked', () => {
    const token = `ghp_${'a1B2'.repeat(9)}`;

    expect(maskText(`${email} ${token}`, secrets).text).toBe(`${email} [SECRET_TOKEN]`);
  });

  test('when the profile is none with one entity, then only that is masked', () => {
    const only = profile({ profile: 'none', entities: { EMAIL: { op: 'email_partial' } } });

    expect(maskText(`${email} ${card}`, only).text).toBe(`a•••@example.com ${card}`);
  });

  test('when something is masked, then counts and positions say what and where and never the value', () => {
    const result = maskValue({ [email]: [`x ${email}`] }, profile());

    expect(result.counts).toEqual({ EMAIL: 2 });
    expect(result.positions).toEqual([
      { pointer: '', type: 'EMAIL', operator: 'redact' },
      { pointer: '/[EMAIL]/0', type: 'EMAIL', operator: 'redact' },
    ]);
    expect(JSON.stringify(result)).not.toContain(email);
  });

  test('when more than 200 values are masked, then positions stop and counts go on', () => {
    const result = maskValue(
      Array.from({ length: 250 }, () => email),
      profile(),
    );

    expect(result.positions).toHaveLength(200);
    expect(result.counts).toEqual({ EMAIL: 250 });
  });
});

describe('operators', () => {
  test.each([
    [{ op: 'redact' }, '[EMAIL]'],
    [{ op: 'mask' }, '***************'],
    [{ op: 'mask', char: '#' }, '###############'],
    [{ op: 'keep_first', n: 2 }, 'ad•••••••••.•••'],
    [{ op: 'keep_last', n: 30 }, '•••••••••le.com'],
    [{ op: 'email_partial' }, 'a•••@example.com'],
  ] as const)('when the operator is %j, then the value becomes %s', (operator, masked) => {
    expect(maskText(email, profile({ entities: { EMAIL: operator } })).text).toBe(masked);
  });

  test('when equal values are hashed, then their hashes are equal under one key only', () => {
    const hashed = profile({ entities: { EMAIL: { op: 'hash' } } });
    const one = maskText(`${email} ${email.toUpperCase()}`, hashed, { hashKey }).text.split(' ');
    const other = maskText(email, hashed, { hashKey: Buffer.from('another key') }).text;

    expect(one[0]).toMatch(/^\[EMAIL:[0-9a-f]{24}\]$/);
    expect(one[1]).toBe(one[0]);
    expect(other).not.toBe(one[0]);
  });

  test('when there is no key to hash with, then the value is redacted', () => {
    expect(maskText(email, profile({ entities: { EMAIL: { op: 'hash' } } })).text).toBe('[EMAIL]');
  });
});

describe('JSON in text', () => {
  test('when nothing is masked, then the text stays as it is, blanks included', () => {
    const text = '{ "a" : [1,\n2] }';

    expect(maskText(text, profile()).text).toBe(text);
  });

  test('when the text was pretty-printed, then the masked text is too', () => {
    expect(maskText(JSON.stringify({ a: email }, undefined, 2), profile()).text).toBe(
      '{\n  "a": "[EMAIL]"\n}',
    );
  });

  test('when JSON is nested in JSON, then it is opened', () => {
    const text = JSON.stringify({ a: JSON.stringify({ b: JSON.stringify({ ssn: '219099999' }) }) });

    expect(maskText(text, profile()).text).not.toContain('219099999');
  });

  test('when JSON is nested deeper than three layers, then it is hidden as a whole', () => {
    let text = JSON.stringify({ a: 'ada\u0040example.com' });
    for (let layer = 0; layer < 4; layer++) text = JSON.stringify({ a: text });

    expect(maskText(text, profile()).text).toContain('[NESTED_JSON]');
  });

  test('when a key is repeated, then the hidden value does not pass', () => {
    const text = '{"a":"first value","a":"second"}';

    expect(maskText(text, profile({ fields: { '$.b': { op: 'redact' } } })).text).toBe(
      '{"a":"second"}',
    );
  });

  test('when every line is JSON, then each is masked on its own', () => {
    const text = `{"ssn":"219099999"}\n{"a": 1}\n`;

    expect(maskText(text, profile()).text).toBe('{"ssn":"[US_SSN]"}\n{"a": 1}\n');
  });

  test('when the same value is in text and in structured content, then it gets the same mask', () => {
    const data = { user: { email, ssn: '219-09-9999' } };
    const hashed = profile({ entities: { EMAIL: { op: 'hash' } } });
    const { value } = maskValue(
      { content: [{ type: 'text', text: JSON.stringify(data) }], structuredContent: data },
      hashed,
      { hashKey },
    );

    const masked = maskValue(data, hashed, { hashKey }).value;
    expect(value).toEqual({
      content: [{ type: 'text', text: JSON.stringify(masked) }],
      structuredContent: masked,
    });
    expect(JSON.stringify(value)).not.toContain(email);
  });
});

describe('keys and numbers', () => {
  test('when a neighbour is masked, then null stays null', () => {
    expect(maskValue({ a: null, b: email }, profile()).value).toEqual({ a: null, b: '[EMAIL]' });
  });

  test('when keys are masked, then they stay unique', () => {
    const value = { '[EMAIL]': 0, 'ada@example.com': 1, 'bob@example.com': 2 };

    expect(maskValue(value, profile()).value).toEqual({
      '[EMAIL]': 0,
      '[EMAIL]_2': 1,
      '[EMAIL]_3': 2,
    });
  });

  test('when a key is __proto__, then it stays a plain member', () => {
    const value: Json = JSON.parse(`{"__proto__": {"polluted": "${email}"}, "a": "${email}"}`);

    const masked = maskValue(value, profile()).value;

    expect(JSON.stringify(masked)).toBe('{"__proto__":{"polluted":"[EMAIL]"},"a":"[EMAIL]"}');
    expect(Object.getPrototypeOf(masked)).toBe(Object.prototype);
  });

  test.each([
    ['a card', { n: 4111111111111111 }, { n: 0 }],
    ['a number that only looks like one', { n: 4111111111111112 }, { n: 4111111111111112 }],
    ['a time', { at: 1732400000000 }, { at: 1732400000000 }],
    ['a social security number by its key', { ssn: 219099999 }, { ssn: 0 }],
    ['a phone by its key', { phone: 2125550142 }, { phone: 0 }],
    ['an id', { id: 219099999 }, { id: 219099999 }],
  ])('when a bare number is %s, then it is judged', (_, value, masked) => {
    expect(maskValue(value, profile()).value).toEqual(masked);
  });

  test.each([
    ['a password', { password: 'correcthorse' }, { password: '[GENERIC_SECRET]' }],
    ['a placeholder', { password: '${DB_PASSWORD}' }, { password: '${DB_PASSWORD}' }],
    ['a key in camel case', { apiKey: 'zx81kq0pLm' }, { apiKey: '[GENERIC_SECRET]' }],
    ['a page token', { nextPageToken: 'CAUQAAz81k' }, { nextPageToken: 'CAUQAAz81k' }],
    [
      'a named value',
      { name: 'DB_PASSWORD', value: 'correcthorse' },
      { name: 'DB_PASSWORD', value: '[GENERIC_SECRET]' },
    ],
    ['a cookie', { cookie: 'sid=ab12cd34; Path=/' }, { cookie: '[GENERIC_SECRET]' }],
    ['bare digits', { ssn: '219099999' }, { ssn: '[US_SSN]' }],
    ['a version', { version: '10.2.3.4' }, { version: '10.2.3.4' }],
  ])('when the key says what it is: %s, then the value is judged by it', (_, value, masked) => {
    expect(maskValue(value, profile()).value).toEqual(masked);
  });
});

describe('field rules', () => {
  const fields = { '$.rows[*].ssn': { op: 'keep_last', n: 2 } } as const;
  const rows = { rows: [{ ssn: 'A-12345678' }, { ssn: 7 }, { ssn: true }, { ssn: null }] };
  const masked = { rows: [{ ssn: '•-••••••78' }, { ssn: 0 }, { ssn: false }, { ssn: null }] };

  test.each([
    ['the value itself', rows, masked],
    ['structured content', { structuredContent: rows }, { structuredContent: masked }],
    [
      'a result inside an envelope',
      { result: { structuredContent: rows } },
      { result: { structuredContent: masked } },
    ],
    [
      'JSON in text',
      { content: [{ text: JSON.stringify(rows) }] },
      { content: [{ text: JSON.stringify(masked) }] },
    ],
  ])('when the rule meets %s, then it holds', (_, value, expected) => {
    expect(maskValue(value, profile({ fields })).value).toEqual(expected);
  });

  test.each([
    ['$..ssn', { a: [{ ssn: 'x1' }] }, { a: [{ ssn: '[REDACTED]' }] }],
    ['$["a b"][1]', { 'a b': ['x', 'y'] }, { 'a b': ['x', '[REDACTED]'] }],
    ["$['a']", { a: { b: ['x', 1] } }, { a: { b: ['[REDACTED]', 0] } }],
    ['$.*.b', { a: { b: 'x', c: 'y' } }, { a: { b: '[REDACTED]', c: 'y' } }],
    ['$', 'x', '[REDACTED]'],
  ])('when the path is %s, then it finds its fields', (path, value, expected) => {
    expect(
      maskValue(value, profile({ profile: 'none', fields: { [path]: { op: 'redact' } } })).value,
    ).toEqual(expected);
  });

  test('when a rule and a detector meet on a leaf, then the rule wins', () => {
    const relaxed = profile({ fields: { '$.email': { op: 'email_partial' } } });

    expect(maskValue({ email, other: email }, relaxed).value).toEqual({
      email: 'a•••@example.com',
      other: '[EMAIL]',
    });
  });

  test.each(['rows', '$.', '$.a[', '$.a[?(@.b)]', '$..', '$.a b', "$['a"])(
    'when the path is %j, then it is refused by name',
    (path) => {
      const invalid = profile({ fields: { [path]: { op: 'redact' } } });

      expect(() => compileProfile(invalid)).toThrow(
        expect.objectContaining({ code: 'MASK_FIELD_PATH_INVALID' }),
      );
      expect(() => compileProfile(invalid)).toThrow(path);
    },
  );
});

describe('binary content and base64', () => {
  const png = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0, 1, 2, 3]).toString('base64');

  test.each([
    ['an image', { type: 'image', data: png, mimeType: 'image/png' }, 'data'],
    ['a blob of unknown type', { uri: 'x:y', blob: png }, 'blob'],
  ])(
    'when policy withholds and the answer carries %s, then it is emptied with a note',
    (_, node, member) => {
      const result = maskValue({ content: [{ resource: node }] }, profile());

      expect(result.value).toEqual({
        content: [
          {
            resource: {
              ...node,
              [member]: '',
              _meta: { 'countersign/withheld': 'binary content withheld by policy' },
            },
          },
        ],
      });
      expect(result.withheld).toBe(1);
      expect(maskValue(result.value, profile())).toMatchObject({
        value: result.value,
        withheld: 0,
      });
    },
  );

  test('when policy passes binary content, then it is unchanged', () => {
    const node = { type: 'audio', data: png, mimeType: 'audio/wav' };

    expect(maskValue(node, profile({ binary: 'pass' })).value).toBe(node);
  });

  test.each(['text/csv', 'application/json', 'image/svg+xml'])(
    'when a blob is %s, then it is masked as text',
    (mimeType) => {
      const { value } = maskValue({ blob: encoded(`a,${email}`), mimeType }, profile());

      expect(value).toEqual({ blob: encoded('a,[EMAIL]'), mimeType });
    },
  );

  test('when a type lies and the bytes read as text, then they are masked', () => {
    const node = { type: 'image', data: encoded(`mail ${email}`), mimeType: 'image/png' };

    expect(maskValue(node, profile({ binary: 'pass' })).value).toMatchObject({
      data: encoded('mail [EMAIL]'),
    });
  });

  test.each([
    ['alone', (text: string) => text, '[BASE64]'],
    ['in a sentence', (text: string) => `see ${text}, ok`, 'see [BASE64], ok'],
    ['in lines', (text: string) => text.replaceAll(/(.{20})/g, '$1\n'), '[BASE64]'],
  ])('when base64 %s hides a value, then it is redacted', (_, place, masked) => {
    expect(maskText(place(encoded(`{"mail":"${email}"}`)), profile()).text).toBe(masked);
  });

  test('when base64 hides nothing, then it stays', () => {
    const text = encoded('nothing to be seen here at all');

    expect(maskText(text, profile()).text).toBe(text);
  });

  test('when the profile masks nothing, then the value is returned as it is', () => {
    const value = { a: [email, { type: 'image', data: png }] };

    const result = maskValue(value, { ...none, binary: 'pass' });

    expect(result.value).toBe(value);
    expect(result).toMatchObject({ counts: {}, withheld: 0 });
  });
});

describe('refusals', () => {
  test('when a value is too deep, then masking refuses', () => {
    let value: Json = 'x';
    for (let depth = 0; depth < 70; depth++) value = [value];

    expect(code(() => maskValue(value, profile()))).toBe('MASK_TOO_DEEP');
    expect(code(() => maskValue(value, profile(), { maxDepth: 80 }))).toBeUndefined();
    expect(code(() => maskText(JSON.stringify(value), profile()))).toBe('MASK_TOO_DEEP');
  });

  test('when a value is too large, then masking refuses', () => {
    expect(code(() => maskValue(['äää', 'ä'], profile(), { maxBytes: 7 }))).toBe('MASK_TOO_LARGE');
    expect(code(() => maskValue(['äää', 'a'], profile(), { maxBytes: 7 }))).toBeUndefined();
  });

  test('when a value is no JSON, then masking refuses', () => {
    const value: unknown = [1n];

    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what a careless caller could do
    expect(code(() => maskValue(value as Json, profile()))).toBe('MASK_NOT_JSON');
  });

  test('when a profile is unknown, then masking refuses rather than masks nothing', () => {
    const unknown: unknown = { ...profile(), profile: 'strict' };

    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what a careless caller could do
    expect(code(() => maskValue(email, unknown as MaskProfile))).toBe('MASK_PROFILE_INVALID');
  });

  test('when a profile names only its base, then the rest has safe defaults', () => {
    expect(maskProfileSchema.parse({ profile: 'standard' })).toEqual(profile());
  });
});
