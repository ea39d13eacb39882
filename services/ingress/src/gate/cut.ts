import type { AnswerPart } from './call.js';
import { type Executed, Refusal } from './refusal.js';

/** The grant that a call ran under has ended. */
export function grantEnded(stage: 'forward' | 'upstream', executed: Executed): Refusal {
  const message =
    executed === 'no'
      ? 'The grant ended before the call was made.'
      : 'The grant ended while the call ran, and the call was cut off.';
  return new Refusal('GRANT_ENDED', stage, message, { executed });
}

/**
 * The parts of an answer until the right to them ends. Whatever the upstream does about it, nothing that
 * it says afterwards goes on.
 * @throws Refusal `GRANT_ENDED`
 */
export async function* untilEnded(
  parts: AsyncIterable<AnswerPart>,
  ended: AbortSignal,
): AsyncGenerator<AnswerPart> {
  const source = parts[Symbol.asyncIterator]();
  let executed: Executed = 'unknown';
  try {
    for (;;) {
      const next = await unlessEnded(source.next(), ended, executed);
      if (next.done === true) return;
      executed = 'yes';
      yield next.value;
    }
  } finally {
    // A source that is in the middle of something ends when that does; nobody waits for it.
    void Promise.resolve(source.return?.()).catch(() => undefined);
  }
}

async function unlessEnded<T>(
  next: Promise<T>,
  ended: AbortSignal,
  executed: Executed,
): Promise<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  const cut = (): void => reject(grantEnded('upstream', executed));
  ended.addEventListener('abort', cut, { once: true });
  if (ended.aborted) cut();
  next.then(resolve, reject);
  try {
    return await promise;
  } finally {
    ended.removeEventListener('abort', cut);
  }
}
