import { expect, test } from 'vitest';
import { eventsOf, EventStreamError } from './event-stream.js';

async function* pieces(...texts: readonly (string | Uint8Array)[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield typeof text === 'string' ? Buffer.from(text) : text;
}

async function all(bytes: AsyncIterable<Uint8Array>, maxStreamBytes = 10_000) {
  const found = [];
  for await (const event of eventsOf(bytes, { maxAnswerBytes: 1000, maxStreamBytes }))
    found.push(event);
  return found;
}

test('when an event comes in pieces, cut inside a character too, then it and its mark are whole', async () => {
  const bytes = Buffer.from('id: 7\nretry: 50\ndata: {"a":"ü😀"}\n\n');
  const cut = [...bytes].map((byte) => Uint8Array.of(byte));

  expect(await all(pieces(...cut))).toEqual([
    { data: '{"a":"ü😀"}', type: 'message', id: '7', retryMs: 50 },
  ]);
});

test('when the stream ends inside an event, then that event is not handed on', async () => {
  expect(await all(pieces('data: 1\n\ndata: 2'))).toHaveLength(1);
});

test.each([
  ['in pieces', ['data: ', 'x'.repeat(2000)]],
  ['whole', [`data: ${'x'.repeat(2000)}\n\n`]],
])(
  'when an event is larger than allowed and comes %s, then the stream ends with an error',
  async (_, texts) => {
    await expect(all(pieces(...texts))).rejects.toThrow(EventStreamError);
  },
);

test('when a stream says more than allowed in small events, then it ends with an error', async () => {
  const events = Array.from({ length: 50 }, () => `data: ${'x'.repeat(90)}\n\n`);

  await expect(all(pieces(...events), 1000)).rejects.toThrow(EventStreamError);
});

test('when bytes are not UTF-8, then the stream ends with an error', async () => {
  await expect(all(pieces(Uint8Array.of(0x64, 0xff, 0xfe)))).rejects.toThrow(TypeError);
});
