import { expect, test } from 'vitest';
import { serverEnded } from './channel.js';
import { Inbox } from './inbox.js';

const large = { jsonrpc: '2.0', method: 'notifications/message', params: { a: 'x'.repeat(4e6) } };

test('when a client takes what is said, then all of it comes, however much that is', async () => {
  const inbox = new Inbox();
  for (let n = 0; n < 10; n += 1) {
    inbox.say(large);
    expect(await inbox.next()).toBe(large);
  }
});

test('when a client takes nothing and the server goes on, then what is beyond a bound is not kept, and that is the end', async () => {
  const inbox = new Inbox();
  for (let n = 0; n < 50; n += 1) inbox.say(large);
  inbox.end(serverEnded());

  const heard: unknown[] = [];
  for (let n = 0; n < 5; n += 1) heard.push(await inbox.next(10));
  expect(heard.slice(0, 4)).toEqual([large, large, large, large]);
  expect(heard[4]).toMatchObject({ code: 'ANSWER_TOO_LARGE', executed: 'unknown' });
  expect(await inbox.next(10)).toBeUndefined();
});

test('when one message is larger than all that may wait, then it comes', async () => {
  const inbox = new Inbox();
  const whole = { result: 'x'.repeat(17e6) };
  inbox.say(whole);

  expect(await inbox.next()).toBe(whole);
});
