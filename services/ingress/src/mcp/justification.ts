import type { IncomingHttpHeaders } from 'node:http';
import type { Json } from '#masking';
import { Refusal } from '../gate/refusal.js';
import { type JsonObject, type Message, objectAt } from './message.js';

/** What a caller says to the gateway alone: why it asks, and that it must be let through at once. */
export interface Demands {
  readonly justification?: string;
  readonly breakGlass?: true;
}

const justificationMember = 'countersign/justification';
const breakGlassMember = 'countersign/break-glass';
const maxCharacters = 2000;

/**
 * Takes out of a message what is said to the gateway. What remains is judged, signed and sent, so that the
 * same call with other words is the same call. A header says it for clients that cannot; the body goes first.
 * @throws Refusal of stage `intake` for words that cannot be kept, and for break-glass without any.
 */
export function demandsOf(
  message: Message,
  headers: IncomingHttpHeaders,
): { readonly message: Message; readonly demands: Demands } {
  const params = objectAt(message.body, 'params');
  const meta = objectAt(params, '_meta');
  const rest = withoutDemands(message, params, meta);
  if (message.kind !== 'request') return { message: rest, demands: {} };
  const words = wordsOf(meta[justificationMember] ?? headerWords(headers));
  const isBreakGlass = flagOf(meta[breakGlassMember] ?? headers['countersign-break-glass']);
  if (isBreakGlass && words === '') {
    throw refuse('Break-glass needs a justification: say why, in countersign/justification.');
  }
  return {
    message: rest,
    demands: {
      ...(words === '' ? {} : { justification: words }),
      ...(isBreakGlass ? { breakGlass: true } : {}),
    },
  };
}

function withoutDemands(message: Message, params: JsonObject, meta: JsonObject): Message {
  if (!(justificationMember in meta) && !(breakGlassMember in meta)) return message;
  const { [justificationMember]: _words, [breakGlassMember]: _flag, ...others } = meta;
  return { ...message, body: { ...message.body, params: { ...params, _meta: others } } };
}

function wordsOf(said: Json | undefined): string {
  if (said === undefined) return '';
  const words = typeof said === 'string' ? said.trim() : undefined;
  // A database keeps no NUL in a text.
  if (words !== undefined && words.length <= maxCharacters && !words.includes('\0')) return words;
  throw refuse(`The justification must be a text of at most ${maxCharacters} characters.`);
}

function flagOf(said: Json | undefined): boolean {
  if (said === undefined || said === false || said === 'false' || said === '') return false;
  if (said === true || said === 'true') return true;
  throw refuse('countersign/break-glass must be true or false.');
}

/** UTF-8, percent-encoded or plain. Node hands over the bytes of a header as Latin-1. */
function headerWords(headers: IncomingHttpHeaders): string | undefined {
  const value = headers['countersign-justification'];
  if (typeof value !== 'string') return undefined;
  const text = utf8(value);
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function utf8(latin1: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(latin1, 'latin1'));
  } catch {
    return latin1;
  }
}

function refuse(message: string): Refusal {
  return new Refusal('PARAMS_REFUSED', 'intake', message);
}
