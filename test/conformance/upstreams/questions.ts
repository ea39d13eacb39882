import { type Question, text } from './tool.js';

/** Asks the user to fill in a form. */
export function elicit(
  message: string,
  properties: Readonly<Record<string, object>>,
  required?: readonly string[],
): Question {
  const requestedSchema = { type: 'object', properties, ...(required && { required }) };
  return { method: 'elicitation/create', params: { message, requestedSchema } };
}

/** Asks the client's model. */
export function sample(prompt: string, maxTokens = 100): Question {
  const messages = [{ role: 'user', content: text(prompt) }];
  return { method: 'sampling/createMessage', params: { messages, maxTokens } };
}

/** Asks for the client's roots. */
export const roots: Question = { method: 'roots/list', params: {} };

/** Asks the user for a name. */
export const askName = elicit('What is your name?', { name: { type: 'string' } }, ['name']);
