import type { Json } from '#masking';
import { tasksExtension } from './era.js';
import { isObject, objectAt } from './message.js';

/** An answer to `server/discover` that offers tasks besides what its server offers: calls may wait here as such. */
export function offeringTasks(answer: Json): Json {
  if (!isObject(answer) || !isObject(answer['result'])) return answer;
  const { result } = answer;
  const capabilities = objectAt(result, 'capabilities');
  const extensions = { [tasksExtension]: {}, ...objectAt(capabilities, 'extensions') };
  return { ...answer, result: { ...result, capabilities: { ...capabilities, extensions } } };
}
