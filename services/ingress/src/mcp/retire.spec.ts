import { expect, test } from 'vitest';
import { ask, endAfterEach, open, upstreamOf } from './session-upstream.suite.js';

endAfterEach();

test('when an upstream retires, then what is asked is answered before its sessions end', async () => {
  const to = upstreamOf();
  const [used, unused] = [await open(to), await open(to)];
  const running = ask(to, { id: 1, method: 'slow', params: {} }, used);

  await to.retire();

  expect((await running).parts).toMatchObject([{ id: 1, result: { method: 'slow' } }]);
  for (const session of [used, unused]) {
    const hello = ask(to, { id: 2, method: 'hello', params: {} }, session);
    await expect(hello).rejects.toMatchObject({ code: 'SESSION_UNKNOWN' });
  }
});

test('when an upstream retires, then nobody opens a session any more', async () => {
  const to = upstreamOf();

  await to.retire();

  await expect(open(to)).rejects.toMatchObject({ code: 'UPSTREAM_UNAVAILABLE', executed: 'no' });
});
