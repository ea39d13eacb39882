import { once } from 'node:events';
import type { Response } from 'express';
import type { Json } from '#masking';
import type { AnswerPart, Mark } from '../gate/call.js';
import { Refusal } from '../gate/refusal.js';
import { IdentityRefusal } from './arrivals.js';
import type { CallAnswer } from './call-parts.js';
import type { JsonObject, Message } from './message.js';
import { refusalAnswer, refusalMessage, type Telling } from './refusal-answer.js';
import { StatusRefusal, type UpstreamReply } from './upstream.js';

/** Comment lines keep proxies from closing a quiet stream, in milliseconds. */
const keepAliveMs = 15_000;

/** A client that takes nothing for this long is cut off, in milliseconds; of an answer in one piece, for twice as long. */
const slowReaderMs = 30_000;

/** Writes to the client: one JSON body, or a stream of events once there is more to say than one answer. */
export class ClientAnswer implements CallAnswer {
  #reply: UpstreamReply | undefined;
  #isStream = false;
  #keepAlive: NodeJS.Timeout | undefined;
  #progress = 0;

  constructor(
    private readonly response: Response,
    private readonly telling: Telling,
    /** How long a client may take nothing, in milliseconds. */
    private readonly patienceMs = slowReaderMs,
  ) {}

  /** The upstream has taken the message; nothing was written for it yet. */
  expect(reply: UpstreamReply, sessionId: string | undefined): void {
    this.#reply = reply;
    if (sessionId !== undefined) this.response.setHeader('mcp-session-id', sessionId);
    if (reply.isStream && reply.status === 200) this.#openStream();
  }

  /** Gives the client a masked part. Waits while the client reads slowly. */
  async release(part: AnswerPart): Promise<void> {
    if (!this.#isStream && (part.last || this.#reply?.isStream === false)) {
      this.#json(this.#reply?.status ?? 200, {}, part.content);
      return;
    }
    this.#openStream();
    await this.#event(part.content, part.mark);
  }

  /** Tells where the stream may be taken up again before anything was said on it. */
  mark(mark: Mark): void {
    if (this.#isStream) this.#write(`${markLines(mark)}data: \n\n`);
  }

  /** Gives the client an answer of the gateway's own. */
  tell(message: JsonObject): void {
    if (this.#isStream) void this.#event(message);
    else this.#json(200, {}, message);
  }

  /** Tells a client that shows progress that people are being asked. */
  progress(token: string | number, message: string): void {
    this.#openStream();
    this.#progress += 0.001;
    const params = { progressToken: token, progress: this.#progress, message };
    void this.#event({ jsonrpc: '2.0', method: 'notifications/progress', params });
  }

  /** Nothing more will come. */
  end(): void {
    clearInterval(this.#keepAlive);
    if (this.response.writableEnded) return;
    if (!this.response.headersSent) this.response.status(this.#reply?.status ?? 202);
    this.response.end();
  }

  /** Tells why there is no answer, in the client's protocol. */
  refuse(refusal: Refusal, message: Message | undefined): void {
    if (this.response.headersSent) {
      if (message?.kind === 'request' && this.#isStream) {
        void this.#event(refusalMessage(refusal, this.telling, message));
      }
      this.end();
      return;
    }
    this.response.removeHeader('mcp-session-id');
    const { status, headers, body } = refusalAnswer(refusal, this.telling, message);
    if (refusal instanceof IdentityRefusal) this.#json(refusal.status, refusal.headers, body);
    else this.#json(refusal instanceof StatusRefusal ? refusal.status : status, headers, body);
  }

  #json(status: number, headers: Readonly<Record<string, string>>, body: Json | JsonObject): void {
    if (this.response.headersSent || this.response.destroyed) return;
    const text = JSON.stringify(body);
    this.response.writeHead(status, {
      ...headers,
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(text),
      'cache-control': 'no-store',
      'x-countersign-call': this.telling.callId,
    });
    // Of the socket: it is silent for as long as nothing of what was written is taken.
    this.response.setTimeout(this.patienceMs, () => this.response.destroy());
    this.response.end(text);
  }

  #openStream(): void {
    if (this.#isStream || this.response.headersSent || this.response.destroyed) return;
    this.#isStream = true;
    this.response.writeHead(200, {
      'content-type': 'text/event-stream',
      'cache-control': 'no-cache, no-transform',
      'x-accel-buffering': 'no',
      'x-countersign-call': this.telling.callId,
    });
    this.response.flushHeaders();
    this.#keepAlive = setInterval(() => this.response.write(': waiting\n\n'), keepAliveMs).unref();
  }

  /** Waits for a client that reads slowly, but not for ever: it holds up a call. */
  async #event(content: Json, mark: Mark = {}): Promise<void> {
    const lines = `event: message\n${markLines(mark)}data: ${JSON.stringify(content)}\n\n`;
    if (this.#write(lines)) return;
    const waiting = new AbortController();
    const { signal } = waiting;
    const timer = setTimeout(() => waiting.abort(), this.patienceMs);
    await Promise.race([
      once(this.response, 'drain', { signal }),
      once(this.response, 'close', { signal }),
    ]).catch(() => this.response.destroy());
    clearTimeout(timer);
    // Nobody listens on, or a slow client would gather listeners with every event.
    waiting.abort();
  }

  /** False while the client has not taken what was written before. */
  #write(lines: string): boolean {
    if (this.response.destroyed || this.response.writableEnded) return true;
    return this.response.write(lines);
  }
}

/** The id is one of ours: visible ASCII, without an end of line. */
function markLines({ id, retryMs }: Mark): string {
  const idLine = id === undefined ? '' : `id: ${id}\n`;
  return retryMs === undefined ? idLine : `${idLine}retry: ${retryMs}\n`;
}
