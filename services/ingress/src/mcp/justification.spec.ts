import { expect, test } from 'vitest';
import { callDigest } from '#trust';
import { demandsOf } from './justification.js';
import { type Message, readMessage } from './message.js';
import { operationOf } from './operation.js';

const asked = (meta: object, kind: 'request' | 'notification' = 'request'): Message => {
  const id = kind === 'request' ? { id: 1 } : {};
  const method = kind === 'request' ? 'tools/call' : 'notifications/progress';
  const params = { name: 'pay', arguments: { order: 'A' }, _meta: { ...meta } };
  const message = readMessage({ jsonrpc: '2.0', ...id, method, params });
  if (message === undefined) throw new TypeError('no message');
  return message;
};
const words = 'countersign/justification';
const glass = 'countersign/break-glass';
const header = (text: string) => ({
  'countersign-justification': Buffer.from(text, 'utf8').toString('latin1'),
});
const digestOf = (message: Message): string =>
  callDigest({ protocol: 'mcp', server: 's', ...operationOf(message) });

test.each<[string, object, object, object]>([
  ['nothing', {}, {}, {}],
  ['why', { [words]: ' because ' }, {}, { justification: 'because' }],
  ['nothing in many blanks', { [words]: '   ' }, {}, {}],
  ['why by a header', {}, header('because'), { justification: 'because' }],
  ['why by a header in UTF-8', {}, header('für Ümit'), { justification: 'für Ümit' }],
  ['why by a header, encoded', {}, header('f%C3%BCr%20%C3%9Cmit'), { justification: 'für Ümit' }],
  ['a share by a header', {}, header('50% off'), { justification: '50% off' }],
  ['both', { [words]: 'body' }, header('header'), { justification: 'body' }],
  [
    'that it must be',
    { [words]: 'fire', [glass]: true },
    {},
    { justification: 'fire', breakGlass: true },
  ],
  [
    'that it must be, by headers',
    {},
    { ...header('fire'), 'countersign-break-glass': 'true' },
    { justification: 'fire', breakGlass: true },
  ],
  [
    'that it need not be, against a header',
    { [words]: 'fire', [glass]: false },
    { 'countersign-break-glass': 'true' },
    { justification: 'fire' },
  ],
])('when a caller says %s, then that is understood', (_, meta, headers, demands) => {
  expect(demandsOf(asked(meta), { ...headers }).demands).toEqual(demands);
});

test.each<[string, object, object]>([
  ['break-glass without a reason', { [glass]: true }, {}],
  ['break-glass for blanks', { [glass]: true, [words]: '  ' }, {}],
  ['break-glass that is neither true nor false', { [glass]: 1, [words]: 'x' }, {}],
  ['too many words', { [words]: 'x'.repeat(2001) }, {}],
  ['words that are no text', { [words]: { a: 1 } }, {}],
  ['words that no database keeps', { [words]: 'a\0b' }, {}],
  ['such words in a header', {}, { 'countersign-justification': 'a%00b' }],
])('when a caller says %s, then it is refused', (_, meta, headers) => {
  expect(() => demandsOf(asked(meta), { ...headers })).toThrow(
    expect.objectContaining({ code: 'PARAMS_REFUSED', stage: 'intake' }),
  );
});

test('when a caller says why, then the server is not told, and it is the same call as without', () => {
  const plain = asked({ traceparent: '1' });
  const said = asked({ traceparent: '1', [words]: 'because', [glass]: true });

  const { message } = demandsOf(said, {});

  expect(message.body).toEqual(plain.body);
  expect(digestOf(message)).toBe(digestOf(demandsOf(plain, {}).message));
  expect(digestOf(message)).toBe(digestOf(demandsOf(asked({ [words]: 'other' }), {}).message));
});

test('when a notification says why, then nobody is told', () => {
  const { demands, message } = demandsOf(asked({ [words]: 'x'.repeat(9999) }, 'notification'), {});

  expect(demands).toEqual({});
  expect(JSON.stringify(message.body)).not.toContain('justification');
});
