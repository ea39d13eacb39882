import { expect, test } from 'vitest';
import { PublishError } from '#bus';
import { createEvent, type DataOf, definitionSeen, sessionOpened } from '#contracts';
import type { Described } from './call.js';
import { call, principal } from './house.suite.js';
import { Sightings } from './sightings.js';

const digestOf = (n: number): string => n.toString(16).padStart(64, '0');
const tools = (...digests: readonly number[]): Described => ({
  kind: 'tool',
  items: digests.map((each, index) => ({
    name: `tool-${index}`,
    digest: digestOf(each),
    definition: { name: `tool-${index}`, description: `Mail to ann@example.com about ${each}.` },
  })),
});
const cause = createEvent(
  sessionOpened,
  {
    sessionId: 's',
    ingress: 'here',
    protocol: 'mcp',
    protocolVersion: null,
    server: 'orders',
    principal,
    client: null,
  },
  { time: new Date() },
);

/** Sightings on a bus that writes down what is stated, at a time that the test sets. */
function watched() {
  const said: DataOf<typeof definitionSeen>[] = [];
  const time = { nowMs: 0, fails: false };
  const publish = async (_: unknown, data: unknown) => {
    if (time.fails) throw new PublishError('BROKER_UNAVAILABLE', 'away');
    said.push(definitionSeen.data.parse(data));
    return cause;
  };
  // Only one contract is stated here.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  const bus = { publish } as unknown as ConstructorParameters<typeof Sightings>[0];
  return { said, time, sightings: new Sightings(bus, 'here', () => time.nowMs) };
}

test('when definitions are news, then each is reported with a masked copy, and not again for ten minutes', async () => {
  const { said, sightings, time } = watched();

  await sightings.report(call(), tools(1, 2), cause);
  time.nowMs = 599_999;
  await sightings.report(call(), tools(1, 3), cause);
  time.nowMs = 600_000;
  await sightings.report(call(), tools(1, 3), cause);

  expect(said.map(({ digest, name }) => [name, digest])).toEqual([
    ['tool-0', digestOf(1)],
    ['tool-1', digestOf(2)],
    ['tool-1', digestOf(3)],
    ['tool-0', digestOf(1)],
  ]);
  expect(said[0]).toMatchObject({ kind: 'tool', pin: { new: 'pass', changed: 'hold' } });
  expect(said[0]?.maskedDefinition).not.toContain('ann@example.com');
});

test('when a definition changes back, then that is news as well', async () => {
  const { said, sightings } = watched();

  for (const digest of [1, 2, 1]) await sightings.report(call(), tools(digest), cause);

  expect(said.map(({ digest }) => digest)).toEqual([1, 2, 1].map(digestOf));
});

test('when a report cannot be written, then it rejects, and the next answer reports it', async () => {
  const { said, sightings, time } = watched();
  time.fails = true;
  await expect(sightings.report(call(), tools(1), cause)).rejects.toThrow(PublishError);

  time.fails = false;
  await sightings.report(call(), tools(1), cause);

  expect(said).toHaveLength(1);
});

test('when an answer brings more than may be reported at once, then the rest is left out and has its turn later', async () => {
  const { said, sightings } = watched();
  const many = tools(...Array.from({ length: 1500 }, (_, n) => n));

  const first = await sightings.report(call(), many, cause);
  const second = await sightings.report(call(), many, cause);

  expect(first).toHaveLength(1000);
  expect(second).toHaveLength(1500);
  expect(said).toHaveLength(1500);
});

test('when a definition is too large to be shown, then its digest stands for it', async () => {
  const { said, sightings } = watched();
  const definition = { name: 'tool-0', description: 'x'.repeat(70_000) };
  const items = [{ name: 'tool-0', digest: digestOf(1), definition }];

  await sightings.report(call(), { kind: 'tool', items }, cause);

  expect(said[0]?.maskedDefinition).toMatch(/^"\[withheld: \d+ characters\]"$/);
});
