import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type JsonFault, parseStrictJson, UnreadableJson } from './strict-json.js';

const limits = { maxDepth: 16, maxArrayLength: 100 };

const faultOf = (text: string | Buffer): JsonFault | undefined => {
  try {
    parseStrictJson(Buffer.from(text), limits);
    return undefined;
  } catch (error) {
    if (error instanceof UnreadableJson) return error.fault;
    throw error;
  }
};

describe('what two parsers could read differently is refused', () => {
  test.each<[string, string | Buffer, JsonFault]>([
    ['a repeated key', '{"a":1,"a":2}', 'DUPLICATE_KEY'],
    ['a key repeated through an escape', '{"a":1,"\\u0061":2}', 'DUPLICATE_KEY'],
    ['a repeated key deep inside', '{"x":[{"b":{"a":1,"c":2,"a":3}}]}', 'DUPLICATE_KEY'],
    ['a key that reaches for the prototype', '{"__proto__":{"a":1}}', 'FORBIDDEN_KEY'],
    ['the same behind an escape', '{"__pr\\u006fto__":1}', 'FORBIDDEN_KEY'],
    ['an integer beyond 2^53', '{"n":12345678901234567890}', 'UNSAFE_NUMBER'],
    ['a negative one', '[-9007199254740993]', 'UNSAFE_NUMBER'],
    ['a number that becomes infinite', '{"n":1e999}', 'UNSAFE_NUMBER'],
    ['half a character', '{"s":"\\ud800"}', 'LONE_SURROGATE'],
    ['half a character in a key', '{"\\udc00":1}', 'LONE_SURROGATE'],
    ['nesting beyond the limit', `${'['.repeat(17)}${']'.repeat(17)}`, 'TOO_DEEP'],
    ['a byte order mark', '\ufeff{}', 'SYNTAX'],
    ['bytes that are not UTF-8', Buffer.from([0x22, 0xff, 0x22]), 'NOT_UTF8'],
    ['UTF-16', Buffer.from('{"a":1}', 'utf16le'), 'SYNTAX'],
    ['half a document', '{"a":', 'SYNTAX'],
    ['two documents', '{} {}', 'SYNTAX'],
    ['nothing', '', 'SYNTAX'],
  ])('when it has %s, then it is refused', (_, text, fault) => {
    expect(faultOf(text)).toBe(fault);
  });
});

test.each([
  ['the same key in two objects', '[{"a":1},{"a":2}]'],
  ['a key and the same text as a value', '{"a":"a","b":["a","a"]}'],
  ['quotes and backslashes at the end of a text', String.raw`{"a":"\\","b":"\"","c":"\\\""}`],
  ['a colon inside a text', '{"a":"b:c","d":":"}'],
  ['the largest safe integer', '[9007199254740991,-9007199254740991]'],
  ['fractions and exponents', '[0.1,1e3,-2.5E-4,0]'],
  ['emoji, raw and escaped', '{"a":"😀","b":"\\ud83d\\ude00"}'],
  ['constructor as a key', '{"constructor":{"prototype":1}}'],
])('when it has %s, then it is read as JSON.parse reads it', (_, text) => {
  expect(parseStrictJson(Buffer.from(text), limits)).toEqual(JSON.parse(text));
});

test('when any JSON is written and read, then it comes out equal', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 8 }), (value) => {
      const text = JSON.stringify(value);
      const fault = faultOf(text);
      // Only what the rules name may be refused; everything else survives.
      if (fault === undefined)
        expect(parseStrictJson(Buffer.from(text), limits)).toEqual(JSON.parse(text));
      else expect(['UNSAFE_NUMBER', 'FORBIDDEN_KEY', 'LONE_SURROGATE']).toContain(fault);
    }),
    { numRuns: 500 },
  );
});

test('when any text is read, then nothing but a named fault comes out', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      expect(() => faultOf(Buffer.from(bytes))).not.toThrow();
    }),
    { numRuns: 1000 },
  );
});

test('when an array or object has more elements than allowed, then it is refused, however it is nested', () => {
  const long = (length: number) => JSON.stringify(Array.from({ length }, () => [1]));
  const members = Object.fromEntries(Array.from({ length: 101 }, (_, n) => [`k${n}`, n]));

  expect(faultOf(long(100))).toBeUndefined();
  expect(faultOf(long(101))).toBe('TOO_LONG');
  expect(faultOf(`{"a":[${long(101)}]}`)).toBe('TOO_LONG');
  expect(faultOf(JSON.stringify(members))).toBe('TOO_LONG');
  expect(faultOf(`["${','.repeat(500)}"]`)).toBeUndefined();
});
