import { setTimeout as pause } from 'node:timers/promises';
import { z } from 'zod';
import { type AppToken, AppTokenError } from '#identity';
import { DeliveryError } from '../channel.js';
import type { AdaptiveCard } from './card.js';
import { serviceBase } from './service-url.js';

/** Where messages may go. */
export interface ConnectorSettings {
  readonly serviceHosts: readonly string[];
  /** Of one request, milliseconds. Default 10 000. */
  readonly timeoutMs?: number;
}

/** A message in a conversation. */
export interface Message {
  readonly serviceUrl: string;
  readonly conversationId: string;
  readonly activityId: string;
}

/** Answers after which the same message may be sent again (Teams' own list). */
const passing = [412, 429, 502, 504];
const longestRetryAfterMs = 10 * 60_000;

const postedSchema = z.object({ id: z.string().min(1) });
const errorSchema = z.object({ error: z.object({ code: z.string().regex(/^\w{1,80}$/) }) });

/** The Bot Connector, version 3: messages to conversations that the bot is in. */
export class ConnectorClient {
  constructor(
    private readonly settings: ConnectorSettings,
    private readonly token: AppToken,
  ) {}

  /** Posts a card and gives the message's id. A message whose answer was lost may be there all the same. @throws DeliveryError */
  async post(serviceUrl: string, conversationId: string, card: AdaptiveCard): Promise<string> {
    const path = `v3/conversations/${encodeURIComponent(conversationId)}/activities`;
    const answer = postedSchema.safeParse(await this.#send('POST', serviceUrl, path, card));
    if (answer.success) return answer.data.id;
    throw new DeliveryError('Teams names no id for what was posted', true);
  }

  /** Puts a card in the place of a posted one. @throws DeliveryError, final where the message was deleted */
  async update(
    { serviceUrl, conversationId, activityId }: Message,
    card: AdaptiveCard,
  ): Promise<void> {
    const conversation = encodeURIComponent(conversationId);
    const path = `v3/conversations/${conversation}/activities/${encodeURIComponent(activityId)}`;
    await this.#send('PUT', serviceUrl, path, card);
  }

  async #send(
    method: 'POST' | 'PUT',
    serviceUrl: string,
    path: string,
    card: AdaptiveCard,
  ): Promise<unknown> {
    const base = serviceBase(serviceUrl, this.settings.serviceHosts);
    // Before any token is at hand: it must never reach another host.
    if (base === undefined) throw new DeliveryError('the service address is not on the list', true);
    const body = JSON.stringify({
      type: 'message',
      attachments: [{ contentType: 'application/vnd.microsoft.card.adaptive', content: card }],
    });
    const url = `${base}${path}`;
    const first = await this.#request(method, url, body);
    // A key may have been changed under a token that was kept: one more try with a new one.
    const response = first.status === 401 ? await this.#request(method, url, body) : first;
    if (!response.ok) throw await deliveryError(response);
    return response.json().catch(() => undefined);
  }

  async #request(method: string, url: string, body: string): Promise<Response> {
    const token = await this.token.get().catch((cause: unknown) => {
      if (!(cause instanceof AppTokenError)) throw cause;
      // Not the message's fault: a secret may be mended while it waits.
      throw new DeliveryError(`no token for the bot: ${cause.message}`, false, undefined, {
        cause,
      });
    });
    try {
      const response = await fetch(url, {
        method,
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        body,
        redirect: 'error',
        signal: AbortSignal.timeout(this.settings.timeoutMs ?? 10_000),
      });
      if (response.status === 401) this.token.forget(token);
      return response;
    } catch (cause) {
      throw new DeliveryError('Teams cannot be reached', false, undefined, { cause });
    }
  }
}

async function deliveryError(response: Response): Promise<DeliveryError> {
  const answer: unknown = await Promise.race([
    response.json().catch(() => undefined),
    pause(2000, undefined, { ref: false }),
  ]);
  const code = errorSchema.safeParse(answer).data?.error.code ?? 'no code';
  const isFinal = !passing.includes(response.status);
  const retryAfterMs = retryAfter(response.headers.get('retry-after'), Date.now());
  return new DeliveryError(`Teams said ${response.status}: ${code}`, isFinal, retryAfterMs);
}

/** Seconds or a date (RFC 9110 §10.2.3), as milliseconds from now; undefined for anything else. */
export function retryAfter(value: string | null, nowMs: number): number | undefined {
  if (value === null) return undefined;
  const ms = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - nowMs;
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(ms, 0), longestRetryAfterMs);
}
