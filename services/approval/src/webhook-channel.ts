import { createHmac } from 'node:crypto';
import type { ApprovalView } from './approval-view.js';
import {
  type ApprovalChannel,
  type ChannelAddress,
  DeliveryError,
  type Notice,
  type Place,
} from './channel.js';
import { plainTextOf } from './plain-text.js';

/** Another system that wants to know. */
export interface WebhookTarget {
  readonly name: string;
  readonly url: string;
  /** The secret that signs, raw bytes. */
  readonly secret: Buffer;
}

const timeoutMs = 10_000;
/** No more than this is waited for at the other side's wish. */
const longestPauseMs = 600_000;
const triedAgain = new Set([408, 412, 429, 500, 502, 503, 504]);

/**
 * Tells other systems how an approval stands, after each change. Messages are signed as Standard Webhooks say
 * (https://www.standardwebhooks.com): HMAC-SHA256 over id, timestamp and body; an id never means two messages.
 * They carry ids, names and a plain text that can be mailed on, no arguments beyond that text.
 */
export class WebhookChannel implements ApprovalChannel {
  readonly name = 'webhook';
  readonly #targets: ReadonlyMap<string, WebhookTarget>;

  constructor(targets: readonly WebhookTarget[]) {
    this.#targets = new Map(targets.map((target) => [target.name, target]));
  }

  async places(): Promise<readonly Place[]> {
    return [...this.#targets.keys()].map((key) => ({ key, audience: 'approvers', address: {} }));
  }

  async summaryPlaces(): Promise<readonly Place[]> {
    return this.places();
  }

  async post(place: Place, view: ApprovalView): Promise<ChannelAddress> {
    await this.#send(place, `${view.id}.${view.version}`, approvalMessage(view));
    return {};
  }

  async update(place: Place, _message: ChannelAddress, view: ApprovalView): Promise<void> {
    await this.post(place, view);
  }

  async tell(place: Place, _message: ChannelAddress | null, notice: Notice): Promise<void> {
    const timestamp = new Date().toISOString();
    const data = { type: `approval.${notice.kind}`, timestamp, data: { text: notice.text } };
    await this.#send(place, `${notice.kind}.${notice.id}`, data);
  }

  async #send(place: Place, id: string, message: object): Promise<void> {
    const target = this.#targets.get(place.key);
    if (target === undefined)
      throw new DeliveryError('the webhook is not configured any more', true);
    const body = JSON.stringify(message);
    const timestamp = String(Math.floor(Date.now() / 1000));
    const signature = signatureOf(target.secret, id, timestamp, body);
    const response = await fetch(target.url, {
      method: 'POST',
      body,
      redirect: 'error',
      signal: AbortSignal.timeout(timeoutMs),
      headers: {
        'content-type': 'application/json',
        'webhook-id': id,
        'webhook-timestamp': timestamp,
        'webhook-signature': `v1,${signature}`,
      },
    }).catch((cause: unknown) => {
      throw new DeliveryError('the webhook does not answer', false, undefined, { cause });
    });
    await response.body?.cancel();
    if (!response.ok) throw faultOf(response);
  }
}

/** The signature of a message, base64. */
export function signatureOf(secret: Buffer, id: string, timestamp: string, body: string): string {
  return createHmac('sha256', secret).update(`${id}.${timestamp}.${body}`).digest('base64');
}

function approvalMessage(view: ApprovalView): object {
  const { id, kind, requestedAt, expiresAt, requester, resource, server, state, url } = view;
  const data = {
    approvalId: id,
    kind,
    state,
    requester,
    server,
    resource,
    url,
    digest: view.digest,
    rules: view.rules.map((rule) => rule.id),
    requestedAt,
    expiresAt,
    decision: view.decision,
    text: plainTextOf(view),
  };
  return { type: `approval.${state}`, timestamp: new Date().toISOString(), data };
}

function faultOf(response: Response): DeliveryError {
  const seconds = Number(response.headers.get('retry-after') ?? Number.NaN);
  const retryAfterMs = Number.isFinite(seconds)
    ? Math.min(seconds * 1000, longestPauseMs)
    : undefined;
  const isFinal = !triedAgain.has(response.status);
  return new DeliveryError(`the webhook answered ${response.status}`, isFinal, retryAfterMs);
}
