import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { Bus, InProcessLog } from '#bus';
import { callAnswered, callMasked, type EventOf, type MaskObligation, toChunks } from '#contracts';
import { newSealKey, sealContext, Sealer } from '#trust';
import { MaskingConsumer } from './masking.consumer.js';

const key = newSealKey();
const sealer = new Sealer(key, 'answers');
const folder = mkdtempSync(join(tmpdir(), 'countersign-masking-'));
const log = new InProcessLog(join(folder, 'events.sqlite'));
const masking = new Bus(log, { group: 'masking', startAt: 'committed' });
const ingress = new Bus(log, { group: 'ingress', startAt: 'end', addressee: 'here' });
const masked: EventOf<typeof callMasked>[] = [];

beforeAll(async () => {
  expect(new MaskingConsumer(masking, sealer)).toBeDefined();
  ingress.on(callMasked, (event) => void masked.push(event));
  await masking.listen((error) => expect(error).toBeUndefined());
  await ingress.listen((error) => expect(error).toBeUndefined());
});
afterAll(async () => {
  await masking.close();
  await ingress.close();
  await log.close();
  rmSync(folder, { recursive: true });
});

const standard = {
  profile: 'standard' as const,
  entities: {},
  fields: {},
  binary: 'withhold' as const,
};

const answer = async (
  sealed: string,
  mask: MaskObligation = standard,
  callId: string = crypto.randomUUID(),
): Promise<string> => {
  const place = { callId, ingress: 'here', part: 0, last: true };
  const chunks = toChunks(sealed);
  for (const [chunk, piece] of chunks.entries()) {
    const data = {
      ...place,
      chunk,
      chunks: chunks.length,
      mask,
      sealed: piece,
    };
    await ingress.publish(callAnswered, data);
  }
  return callId;
};
const sealedFor = (callId: string, value: unknown, mask: MaskObligation = standard): string =>
  sealer.seal(JSON.stringify(value), sealContext(callId, 0, true, mask));

const outcome = async (callId: string) =>
  vi.waitFor(() => {
    const parts = masked.filter((event) => event.data.callId === callId);
    const [first] = parts;
    expect(first && parts.length === first.data.chunks).toBe(true);
    return { ...first?.data, content: parts.map((each) => each.data.content).join(''), parts };
  }, 10_000);

/** A call whose id is known before its answer is sealed. */
const answerWith = async (value: unknown, mask: MaskObligation = standard): Promise<string> => {
  const callId = crypto.randomUUID();
  const sealed = sealedFor(callId, value, mask);
  const chunks = toChunks(sealed);
  for (const [chunk, piece] of chunks.entries()) {
    const place = { callId, ingress: 'here', part: 0, last: true, chunk, chunks: chunks.length };
    await ingress.publish(callAnswered, { ...place, mask, sealed: piece });
  }
  return callId;
};

test('when an answer is sealed for masking, then its masked text is published and counted', async () => {
  const callId = await answerWith({
    result: { content: [{ type: 'text', text: 'ask ada@shop.example' }] },
  });

  const { data } = (await outcome(callId)).parts[0] ?? {};
  expect(data).toMatchObject({ counts: { EMAIL: 1 }, withheld: null, last: true });
  expect(data?.content).toBe('{"result":{"content":[{"type":"text","text":"ask [EMAIL]"}]}}');
});

test('when an answer is larger than a bus message, then it comes and goes in chunks', async () => {
  const rows = Array.from({ length: 12_000 }, (_, index) => ({
    index,
    mail: `user${index}@shop.example`,
  }));
  const callId = await answerWith({ rows });

  const { content, parts } = await outcome(callId);
  expect(parts.length).toBeGreaterThan(1);
  expect(JSON.parse(content).rows).toHaveLength(12_000);
  expect(content).not.toContain('shop.example');
});

test.each<[string, () => Promise<string>, string]>([
  ['the seal does not open', async () => answer('AAAA'.repeat(20)), 'SEAL_BROKEN'],
  [
    'the seal is that of another call',
    async () => answer(sealedFor(crypto.randomUUID(), {})),
    'SEAL_BROKEN',
  ],
  [
    'it was sealed under a stricter mask',
    async () => {
      const callId = crypto.randomUUID();
      return answer(
        sealedFor(callId, { mail: 'ada@shop.example' }),
        { ...standard, profile: 'none' },
        callId,
      );
    },
    'SEAL_BROKEN',
  ],
  [
    'the profile is none that is known',
    async () => answerWith({ a: 1 }, { ...standard, entities: { EMAIL: { op: 'show' } } }),
    'MASK_FAILED',
  ],
  [
    'the answer is nested too deeply',
    async () => answerWith(JSON.parse(`${'['.repeat(100)}"x"${']'.repeat(100)}`)),
    'MASK_TOO_DEEP',
  ],
])('when %s, then nothing is shown and the reason is said', async (_, send, code) => {
  const found = await outcome(await send());

  expect(found.withheld).toMatchObject({ code });
  expect(found.content).toBe('');
});
