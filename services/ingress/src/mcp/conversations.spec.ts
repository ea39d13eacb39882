import { expect, test } from 'vitest';
import type { OpenChannel } from './channel.js';
import { Conversations } from './conversations.js';

/** Programs that take their time to end. */
function lingering() {
  let started = 0;
  const gone = Promise.withResolvers<void>();
  const open: OpenChannel = () => {
    started += 1;
    return {
      opened: Promise.resolve(),
      send: async () => undefined,
      close: async () => gone.promise,
    };
  };
  const conversations = new Conversations({
    open,
    per: 'session',
    places: { all: 40, perCaller: 10 },
  });
  return { conversations, started: () => started, letGo: gone.resolve };
}

test('when one opens sessions without end, then no more programs are started than may be there, ending ones too', async () => {
  const { conversations, letGo, started } = lingering();
  const openMany = (caller: string) => {
    for (let n = 0; n < 100; n += 1) conversations.join(caller);
  };

  const refusal = expect.objectContaining({ code: 'OVERLOADED', executed: 'no' });
  expect(() => openMany('eve')).toThrow(refusal);
  expect(started()).toBe(20);
  expect(() => conversations.join('ada')).not.toThrow();
  letGo();
  await new Promise(setImmediate);
  expect(() => conversations.join('eve')).not.toThrow();
  await conversations.close();
});
