import type { Json } from '#masking';
import type { Refusal, RefusalCode } from '../gate/refusal.js';
import type { Task } from './continuations.js';
import { isObject, type JsonObject, type Message } from './message.js';
import { refusalMessage, type Telling } from './refusal-answer.js';

/** What has become of a task (ext-tasks 2026-07-28, task status). All but `working` are final. */
export type TaskOutcome =
  | { readonly status: 'working'; readonly words: string }
  | { readonly status: 'completed'; readonly result: JsonObject }
  | { readonly status: 'failed'; readonly error: JsonObject; readonly words: string }
  | { readonly status: 'cancelled' };

/** A task that a client is told of. */
interface ToldTask {
  readonly id: string;
  readonly task: Task;
  readonly nowMs: number;
  /** How often the client is to ask. */
  readonly pollMs: number;
}

/** Refusals of a call that has not run and may well run when it is made again. */
const passing: ReadonlySet<RefusalCode> = new Set([
  'APPROVAL_PENDING',
  'APPROVAL_TIMEOUT',
  'OVERLOADED',
  'RECORD_UNAVAILABLE',
  'VERDICT_TIMEOUT',
]);

/** The members of a task in any answer that tells of it. */
export function taskFields(
  { id, nowMs, pollMs, task }: ToldTask,
  status: TaskOutcome['status'],
  words: string | undefined,
): JsonObject {
  return {
    taskId: id,
    status,
    ...(words === undefined ? {} : { statusMessage: words }),
    createdAt: new Date(task.createdMs).toISOString(),
    lastUpdatedAt: new Date(nowMs).toISOString(),
    ttlMs: task.expiresMs - task.createdMs,
    pollIntervalMs: pollMs,
  };
}

/** The result of `tasks/get`. */
export function taskResult(told: ToldTask, outcome: TaskOutcome): JsonObject {
  const words = 'words' in outcome ? outcome.words : undefined;
  const fields = taskFields(told, outcome.status, words);
  return {
    resultType: 'complete',
    ...fields,
    ...('result' in outcome ? { result: outcome.result } : {}),
    ...('error' in outcome ? { error: outcome.error } : {}),
  };
}

/** What the masked answer to a task's call makes of the task. */
export function outcomeOfAnswer(answer: Json | undefined): TaskOutcome {
  if (isObject(answer) && isObject(answer['result'])) {
    const { result } = answer;
    return result['resultType'] === 'input_required'
      ? { status: 'completed', result: unansweredQuestion }
      : { status: 'completed', result };
  }
  const error = isObject(answer) && isObject(answer['error']) ? answer['error'] : unreadable;
  return { status: 'failed', error, words: 'The server answered with an error.' };
}

/** What a refusal of a task's call makes of the task; undefined where it is the question that is refused. */
export function outcomeOfRefusal(
  refusal: Refusal,
  message: Message | undefined,
  telling: Telling,
): TaskOutcome | undefined {
  const { code, executed } = refusal;
  if (code === 'IDENTITY_REFUSED' || code === 'IDENTITY_UNAVAILABLE') return undefined;
  if (code === 'CANCELLED') {
    return refusal.by === 'client' && executed === 'no'
      ? { status: 'cancelled' }
      : { status: 'working', words: refusal.message };
  }
  if (executed === 'no' && passing.has(code)) return { status: 'working', words: refusal.message };
  const { error, result } = refusalMessage(refusal, telling, message);
  if (isObject(result)) return { status: 'completed', result };
  const told = isObject(error) ? error : unreadable;
  // The error's own words: a refusal may know more than its caller may.
  return { status: 'failed', error: told, words: wordsOf(told) };
}

function wordsOf({ message }: JsonObject): string {
  return typeof message === 'string' ? message : '';
}

const unreadable: JsonObject = { code: -32_603, message: 'The answer cannot be read.' };

/** A server asks something back that belongs to its own request, and a task made here cannot carry it. */
const unansweredQuestion: JsonObject = {
  resultType: 'complete',
  isError: true,
  content: [
    {
      type: 'text',
      text: 'The call was approved and made, and the server asks for more input. Make the call without the tasks extension to be asked.',
    },
  ],
};
