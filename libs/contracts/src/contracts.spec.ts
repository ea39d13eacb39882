import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { classificationOf, redactedMark, redactFields, publicField } from './classification.js';
import { contractOf, contracts } from './contracts.js';
import { defineEvent } from './define-event.js';
import { ContractError, createEvent, readEvent } from './envelope.js';
import { topics } from './topics.js';

const samplesFolder = join(import.meta.dirname, '../samples');
const sampleOf = (type: string): Buffer => readFileSync(join(samplesFolder, `${type}.json`));

describe.each(contracts.map((contract) => [contract.type, contract] as const))(
  '%s',
  (type, contract) => {
    test('when its frozen sample is read today, then it is understood in full', () => {
      const event = readEvent(contract, sampleOf(type));

      expect(event).toEqual(JSON.parse(sampleOf(type).toString('utf8')));
    });

    test('when the same fact is stated again, then it has the same id', () => {
      const sample = readEvent(contract, sampleOf(type));
      const again = createEvent(contract, sample.data, { time: new Date('2030-01-01') });

      expect(again.id).toBe(sample.id);
      expect(again.subject).toBe(contract.key(sample.data));
    });

    test('when a member is missing or the data is none, then it is refused', () => {
      const sample = JSON.parse(sampleOf(type).toString('utf8'));
      const [first = ''] = Object.keys(sample.data);
      const { [first]: _, ...rest } = sample.data;

      expect(() =>
        readEvent(contract, Buffer.from(JSON.stringify({ ...sample, data: rest }))),
      ).toThrow(new RegExp(`EVENT_DATA_INVALID: ${type}: ${first}`));
    });
  },
);

test('when samples are counted, then every one belongs to a contract', () => {
  const types = readdirSync(samplesFolder).map((name) => name.replace(/\.json$/, ''));

  expect(types.toSorted()).toEqual(contracts.map((contract) => contract.type).toSorted());
});

test('when contracts share a topic, then one service writes it', () => {
  for (const topic of Object.keys(topics)) {
    const writers = contracts
      .filter((each) => each.topic === topic)
      .map((each) => each.publishedBy);
    expect(new Set(writers).size, topic).toBe(1);
  }
});

test('when raw arguments or answers are on the bus, then their fields are secret', () => {
  const secret = contracts.flatMap((contract) =>
    Object.entries(contract.data.shape)
      .filter(([, field]) => field instanceof z.ZodType && classificationOf(field) === 'secret')
      .map(([name]) => `${contract.type}: ${name}`),
  );

  expect(secret).toEqual([
    'countersign.call.requested.v1: sealedArguments',
    'countersign.call.resumed.v1: sealedArguments',
    'countersign.call.answered.v1: sealed',
  ]);
});

test('when a field is unmarked or unknown, then redaction hides or drops it', () => {
  const schema = z.object({ shown: publicField(z.string()), unmarked: z.string() });
  const data = { shown: 'a', unmarked: 'secret', unknown: 'secret' };

  expect(redactFields(schema, data, ['public', 'sensitive'])).toEqual({
    shown: 'a',
    unmarked: redactedMark,
  });
});

test('when two parts have one cause, then the discriminator gives them two ids', () => {
  const contract = defineEvent({
    type: 'countersign.test.happened.v1',
    topic: 'countersign.calls.v1',
    publishedBy: 'ingress',
    key: (data) => data.id,
    discriminator: (data) => String(data.part),
    data: z.object({ id: z.string(), part: z.int() }),
  });
  const time = new Date('2026-11-24T12:00:00Z');
  const cause = createEvent(contract, { id: 'a', part: 9 }, { time });
  const [first, second, repeat] = [0, 1, 0].map((part) =>
    createEvent(contract, { id: 'a', part }, { time, cause }),
  );

  expect(first?.id).not.toBe(second?.id);
  expect(repeat?.id).toBe(first?.id);
  expect(first).toMatchObject({ correlationid: cause.id, causationid: cause.id });
});

test.each([
  ['no JSON', 'x', 'EVENT_NOT_JSON'],
  ['no envelope', '{"data":{}}', 'EVENT_ENVELOPE_INVALID'],
])('when bytes are %s, then they are refused with %s', (_, text, code) => {
  const [contract] = contracts;
  if (contract === undefined) throw new TypeError('no contract');

  expect(() => readEvent(contract, Buffer.from(text))).toThrow(expect.objectContaining({ code }));
  expect(() => readEvent(contract, Buffer.from(text))).toThrow(ContractError);
});

test('when a type is asked for, then its contract is found; an unknown one is not', () => {
  expect(contractOf('countersign.call.decided.v1')?.publishedBy).toBe('policy');
  expect(contractOf('constructor')).toBeUndefined();
});
