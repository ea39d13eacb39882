import { expect, test } from 'vitest';
import type { RefusedRequest } from '../../gate/refusal-record.js';
import { callParts, listing } from '../call-parts.suite.js';
import { OpenCalls } from '../open-calls.js';
import { Quotas } from '../quotas.js';
import { FanOut } from './fan-out.js';

/** A fan-out to a server that answers when it is told to, for a caller who may have one call open. */
function slowFanOut() {
  const answered = Promise.withResolvers<{ parts: number; bytes: number; isError: boolean }>();
  const refused: RefusedRequest[] = [];
  const call = callParts({ gate: { pass: async () => answered.promise } });
  const fanOut = new FanOut({
    reader: { share: () => listing },
    servers: { all: () => [listing.server] },
    quotas: new Quotas({ callsPerCaller: 1, streamsPerCaller: 1, requestsPerSecondPerCaller: 99 }),
    refusals: { ofRequest: async (request) => void refused.push(request) },
    open: new OpenCalls(),
    call,
    patienceMs: 20,
  });
  const finish = (): void => answered.resolve({ parts: 0, bytes: 0, isError: false });
  return { fanOut, finish, refused };
}

test('when a server is not waited for any more, then its call keeps its place for as long as it runs', async () => {
  const { fanOut, finish, refused } = slowFanOut();
  expect(await fanOut.say(listing)).toBeUndefined();

  expect(await fanOut.say(listing)).toBeUndefined();
  expect(refused).toMatchObject([{ server: 'orders', method: 'tools/list' }]);
  finish();
  await new Promise(setImmediate);
  expect(await fanOut.say(listing)).toEqual({ content: undefined, opened: undefined });
});
