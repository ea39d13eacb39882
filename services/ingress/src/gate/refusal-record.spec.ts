import { afterAll, beforeAll, expect, test } from 'vitest';
import { call, House } from './house.suite.js';
import { Refusal } from './refusal.js';
import { RefusalRecord } from './refusal-record.js';

let house: House;
beforeAll(async () => {
  house = new House();
  await house.start();
});
afterAll(async () => house.stop());

const saying = (code: string, message: string): Error =>
  Object.assign(new Error(message), { code });

test.each([
  ['an address that is not allowed', saying('ADDRESS_REFUSED', '10.0.0.1 is private'), '10.0.0.1'],
  ['a redirect', saying('REDIRECT_REFUSED', 'from https://a to https://b'), 'to https://b'],
  ['no connection', saying('CONNECT_FAILED', 'ECONNREFUSED: 10.0.0.1:1'), 'ECONNREFUSED'],
  ['no credential', saying('CREDENTIAL_UNAVAILABLE', 'TOKEN is not set'), 'TOKEN is not set'],
  ['words of a server', saying('SYNTAX', 'Unexpected token s in secret'), '(Sorry. Error)'],
])(
  'when a server gives no answer because of %s, then the log tells what it may',
  async (_, cause, words) => {
    const warnings: string[] = [];
    const record = new RefusalRecord(
      { bus: house.ingress, instance: 'here' },
      () => undefined,
      (warning) => void warnings.push(warning),
    );

    await record.of(
      call(),
      new Refusal('UPSTREAM_UNAVAILABLE', 'upstream', 'Sorry.', {}, { cause }),
    );

    expect(warnings).toEqual([expect.stringContaining(words)]);
    expect(warnings.join('')).not.toContain('secret');
  },
);
