import { z } from 'zod';
import type { ActivityJson } from './activities.js';
import { mistakeIn } from './card-rules.js';

/** What a client makes of the answer to a press. */
export type PressOutcome =
  | { readonly kind: 'card'; readonly card: unknown }
  | { readonly kind: 'toast'; readonly text: string }
  | { readonly kind: 'error'; readonly text: string }
  /** The client shows that something went wrong; the gateway is at fault. */
  | { readonly kind: 'broken'; readonly why: string };

/** An answer of the gateway. */
export interface GatewayAnswer {
  readonly status: number;
  readonly body: unknown;
}

/** Teams gives up on a bot after this time, milliseconds. */
const patienceMs = 10_000;

const cardType = 'application/vnd.microsoft.card.adaptive';
const toastType = 'application/vnd.microsoft.activity.message';
const errorType = 'application/vnd.microsoft.error';
const answerSchema = z.discriminatedUnion('type', [
  z.object({ statusCode: z.literal(200), type: z.literal(cardType), value: z.unknown() }),
  z.object({ statusCode: z.literal(200), type: z.literal(toastType), value: z.string().min(1) }),
  z.object({
    statusCode: z.number(),
    type: z.literal(errorType),
    value: z.object({ code: z.string(), message: z.string().min(1) }),
  }),
]);

/** Sends an activity as the Bot Connector does. @throws Error when the gateway does not answer in time */
export async function sendActivity(
  url: string,
  activity: ActivityJson,
  token: string | undefined,
): Promise<GatewayAnswer> {
  const response = await fetch(url, {
    method: 'POST',
    headers: {
      'content-type': 'application/json; charset=utf-8',
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
    body: JSON.stringify(activity),
    redirect: 'error',
    signal: AbortSignal.timeout(patienceMs),
  });
  const text = await response.text();
  return { status: response.status, body: text === '' ? undefined : jsonOr(text) };
}

/** Reads the answer to a press as strictly as the client does. */
export function outcomeOf({ body, status }: GatewayAnswer): PressOutcome {
  if (status !== 200) return { kind: 'broken', why: `HTTP ${status}` };
  const answer = answerSchema.safeParse(body);
  if (!answer.success) return { kind: 'broken', why: z.prettifyError(answer.error) };
  if (answer.data.type === toastType) return { kind: 'toast', text: answer.data.value };
  if (answer.data.type === errorType) return { kind: 'error', text: answer.data.value.message };
  const card = answer.data.value;
  const mistake = mistakeIn(card);
  return mistake === undefined ? { kind: 'card', card } : { kind: 'broken', why: mistake };
}

function jsonOr(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
