import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { approvalRequested, callApproved } from '#contracts';
import { listeningPort } from '../../../demo/listening-port.js';
import { execute } from '../../../test/postgres/test-database.js';
import { bob, type House, houses } from './house.suite.js';
import { pauseAfter } from './pause-after.js';
import { summaryText } from './summary-text.js';
import { signatureOf, type WebhookTarget } from './webhook-channel.js';

const { atEnd, newHouse } = houses();
const secret = randomBytes(32);
const messageSchema = z.object({
  type: z.string(),
  data: z.looseObject({ approvalId: z.string().optional(), text: z.unknown() }),
});

interface Heard {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  readonly message: z.infer<typeof messageSchema>;
}

/** Another system, which answers as it is told and writes down what it accepted. */
class Listener {
  readonly heard: Heard[] = [];
  readonly tried: number[] = [];
  readonly ids: unknown[] = [];
  /** Answers before it accepts: status, and seconds to wait. */
  readonly moods: (readonly [number, string?])[] = [];
  #server!: Server;

  async open(): Promise<WebhookTarget> {
    this.#server = createServer((request, response) => {
      let body = '';
      request.setEncoding('utf8').on('data', (piece: string) => (body += piece));
      request.on('end', () => {
        const [status, retryAfter] = this.moods.shift() ?? [204];
        this.tried.push(status);
        this.ids.push(request.headers['webhook-id']);
        if (status < 300) {
          const message = messageSchema.parse(JSON.parse(body));
          this.heard.push({ headers: request.headers, body, message });
        }
        response.writeHead(status, retryAfter === undefined ? {} : { 'retry-after': retryAfter });
        response.end();
      });
    });
    this.#server.listen(0, '127.0.0.1');
    const port = await listeningPort(this.#server);
    atEnd(async () => void this.#server.close());
    return { name: 'chat', url: `http://127.0.0.1:${port}/hook`, secret };
  }
}

async function opened(listener: Listener, people: object = {}): Promise<House> {
  return newHouse({ people: { webhooks: [await listener.open()], ...people } });
}

const types = (listener: Listener): string[] => listener.heard.map(({ message }) => message.type);

describe('webhooks', { timeout: 60_000 }, () => {
  test('when an approval is opened and decided, then both are told, signed, each under an id of its own', async () => {
    const listener = new Listener();
    const house = await opened(listener);
    const { callId } = await house.review();
    const { approvalId } = await house.heard(approvalRequested, callId);
    await expect.poll(() => types(listener)).toEqual(['approval.pending']);

    await house.as(bob).approve(approvalId).expect(200);

    await expect.poll(() => types(listener).length, { timeout: 10_000 }).toBe(2);
    const [first, second] = listener.heard;
    expect(second?.message).toMatchObject({ data: { approvalId, decision: { by: [{}] } } });
    for (const { body, headers } of listener.heard) {
      const [id, timestamp] = [headers['webhook-id'], headers['webhook-timestamp']];
      const signature = signatureOf(secret, String(id), String(timestamp), body);
      expect(headers['webhook-signature']).toBe(`v1,${signature}`);
    }
    expect(first?.headers['webhook-id']).not.toBe(second?.headers['webhook-id']);
  });

  test('when it answers 429 and 503, then it is told again after the time it asked for, and nothing is lost', async () => {
    const listener = new Listener();
    listener.moods.push([429, '1'], [503]);
    const house = await opened(listener);
    const { callId } = await house.review();
    const { approvalId } = await house.heard(approvalRequested, callId);
    await house.as(bob).approve(approvalId).expect(200);

    // The decision did not wait for it.
    await house.heard(callApproved, callId);
    await expect.poll(() => types(listener).length, { timeout: 20_000 }).toBeGreaterThan(0);
    expect(listener.tried.slice(0, 3)).toEqual([429, 503, 204]);
  });

  test('when it says that it will never take it, then it is left alone, and said why', async () => {
    const listener = new Listener();
    listener.moods.push([410]);
    const house = await opened(listener);
    const { callId } = await house.review();
    const { approvalId } = await house.heard(approvalRequested, callId);

    const gone = async (): Promise<unknown> =>
      (
        await execute(
          house.databaseUrl,
          'select gone_reason from approval.approval_copy where approval_id = $1',
          [approvalId],
        )
      )[0]?.['gone_reason'];
    await expect.poll(gone, { timeout: 10_000 }).toBe('the webhook answered 410');
    await house.as(bob).approve(approvalId).expect(200);
    await house.heard(callApproved, callId);
    expect(listener.tried).toEqual([410]);
  });

  test('when an approval nears its end, then it is reminded of once', async () => {
    const listener = new Listener();
    const house = await opened(listener);
    const sets = [{ groups: ['44444444-4444-4444-8444-444444444444'], quorum: 1 }];
    const { callId } = await house.review({ requirement: { sets, expiresAfterSeconds: 4 } });
    await house.heard(approvalRequested, callId);

    await expect
      .poll(() => types(listener), { timeout: 15_000 })
      .toEqual(['approval.pending', 'approval.reminder', 'approval.expired']);
    expect(JSON.stringify(listener.heard[1]?.message.data)).toContain('Still waiting. Ada');
  });

  test('when a reminder has to be told again, then it comes under the same id', async () => {
    const listener = new Listener();
    listener.moods.push([204], [503, '1']);
    const house = await opened(listener);
    const sets = [{ groups: ['44444444-4444-4444-8444-444444444444'], quorum: 1 }];
    const { callId } = await house.review({ requirement: { sets, expiresAfterSeconds: 20 } });
    await house.heard(approvalRequested, callId);
    await expect.poll(() => types(listener)).toEqual(['approval.pending']);
    const soon = `update approval.approval set requested_at = requested_at - interval '100 seconds'`;
    await execute(house.databaseUrl, soon, []);

    await expect.poll(() => types(listener)[1], { timeout: 15_000 }).toBe('approval.reminder');
    expect(listener.tried).toEqual([204, 503, 204]);
    expect(listener.ids[2]).toBe(listener.ids[1]);
  });

  test('when a period is over, then a summary tells what was decided in it, once for all replicas', async () => {
    const listener = new Listener();
    const webhooks = [await listener.open()];
    const house = await newHouse({ people: { webhooks, summaryHours: 1 } }, 2);
    const { callId } = await house.review();
    const { approvalId } = await house.heard(approvalRequested, callId);
    await house.as(bob).approve(approvalId).expect(200);
    await house.heard(callApproved, callId);
    await expect
      .poll(async () => execute(house.databaseUrl, 'select * from approval.summary_state', []))
      .toHaveLength(1);

    const early = `update approval.summary_state set told_until = now() - interval '2 hours'`;
    await execute(house.databaseUrl, early, []);

    await expect.poll(() => types(listener), { timeout: 10_000 }).toContain('approval.summary');
    const summaries = listener.heard.filter(({ message }) => message.type === 'approval.summary');
    expect(summaries).toHaveLength(1);
    expect(summaries[0]?.message.data.text).toContain('1 approved by refunds');
  });
});

describe('pauses', () => {
  test('when tries go on, then pauses double up to five minutes, and never undercut what was asked', () => {
    expect(pauseAfter(1, undefined, 1)).toBe(1);
    expect(pauseAfter(4, undefined, 0)).toBe(4);
    expect(pauseAfter(30, undefined, 1)).toBe(300);
    expect(pauseAfter(1, 90_000, 0.5)).toBe(90);
  });
});

describe('summaries', () => {
  test('when nothing was decided and nothing is open, then there is none', () => {
    const nothing = { decided: [], liveGrants: 0, unreviewed: 0 };

    expect(summaryText(new Date(), nothing)).toBeUndefined();
    expect(summaryText(new Date(), { ...nothing, unreviewed: 1 })).toContain('to review: 1');
  });
});
