import { PublishError } from '#bus';
import { type Executed, Refusal, type Stage } from './refusal.js';

/** Runs a publish; what is not on record must not happen (law 1). @throws Refusal `RECORD_UNAVAILABLE` */
export async function recorded<T>(
  stage: Stage,
  publish: () => Promise<T>,
  executed: Executed = 'no',
): Promise<T> {
  try {
    return await publish();
  } catch (cause) {
    if (!(cause instanceof PublishError)) throw cause;
    throw new Refusal(
      executed === 'no' ? 'RECORD_UNAVAILABLE' : 'ANSWER_WITHHELD',
      stage,
      executed === 'no'
        ? 'The call could not be recorded, so it was not made.'
        : 'The call was executed, but its answer could not be recorded and is withheld.',
      { executed, retryAfterMs: 2000 },
      { cause },
    );
  }
}
