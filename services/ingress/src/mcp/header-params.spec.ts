import { expect, test } from 'vitest';
import type { Json } from '#masking';
import { catalogOf } from './catalog.js';
import { Definitions } from './definitions.js';
import { headerParamsOf } from './header-params.js';

const marked = (name: Json, type: Json = 'string'): Json => ({ type, 'x-mcp-header': name });
const schema = (properties: Json): Json => ({ type: 'object', properties });
const paramsOf = (properties: Json) => [...headerParamsOf(schema(properties))];

test('when arguments are marked, also nested ones, then each header is known with the way to its value', () => {
  const where = schema({ region: marked('Region'), count: marked('Count', 'integer') });

  expect(
    paramsOf({ where, isUrgent: marked('urgent', 'boolean'), note: { type: 'string' } }),
  ).toEqual([
    ['mcp-param-urgent', ['isUrgent']],
    ['mcp-param-region', ['where', 'region']],
    ['mcp-param-count', ['where', 'count']],
  ]);
});

test('when a property is named like the annotation, then it is none', () => {
  expect(paramsOf({ 'x-mcp-header': { type: 'string' } })).toEqual([]);
});

test.each<[string, Json]>([
  ['one name stands there twice', { a: marked('Region'), b: marked('REGION') }],
  ['a name is no token', { a: marked('Re gion') }],
  ['a name would end the line', { a: marked('Region\r\nHost: x') }],
  ['a name is empty', { a: marked('') }],
  ['a name is no text', { a: marked(1) }],
  ['a name is too long', { a: marked('x'.repeat(129)) }],
  ['what is marked is an object', { a: marked('Region', 'object') }],
  ['what is marked may be of several types', { a: marked('Region', ['string', 'null']) }],
])('when %s, then the whole declaration is void', (_, properties) => {
  expect(
    paramsOf({ ...Object.fromEntries([['good', marked('Good')]]), ...Object(properties) }),
  ).toEqual([]);
});

test('when an annotation stands elsewhere than under properties, then it does not count', () => {
  expect(
    paramsOf({ list: { type: 'array', items: marked('Item') }, any: { anyOf: [marked('Any')] } }),
  ).toEqual([]);
});

test('when a schema has no end, then reading it has', () => {
  const wide = Object.fromEntries(Array.from({ length: 5000 }, (_, n) => [`p${n}`, {}]));
  const many = Object.fromEntries(Array.from({ length: 65 }, (_, n) => [`p${n}`, marked(`h${n}`)]));
  let deep: Json = marked('Deep');
  for (let n = 0; n < 40; n += 1) deep = schema({ next: deep });

  expect(headerParamsOf(deep).size).toBe(0);
  expect(paramsOf({ ...wide, a: marked('A') })).toEqual([]);
  expect(paramsOf(many)).toEqual([]);
  expect(headerParamsOf(undefined).size).toBe(0);
  expect(headerParamsOf([]).size).toBe(0);
});

test('when a tool was listed, then its headers are known; of one that never was, nothing', () => {
  const definitions = new Definitions();
  const tools = [
    { name: 'pay', inputSchema: schema({ region: marked('Region') }) },
    { name: 'ask' },
  ];

  definitions.learn('orders', catalogOf('tools/list', { result: { tools } })?.described);

  expect(definitions.headerParams('orders', 'pay')).toEqual(
    new Map([['mcp-param-region', ['region']]]),
  );
  expect(definitions.headerParams('orders', 'ask')).toEqual(new Map());
  expect(definitions.headerParams('orders', 'other')).toBeUndefined();
});
