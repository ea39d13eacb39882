import type { Dispatcher } from 'undici';
import { Refusal } from '../gate/refusal.js';
import { mediaTypeOf, plainBody } from './answer-body.js';
import {
  type Channel,
  type ChannelEvents,
  noMessage,
  type OpenChannel,
  serverEnded,
} from './channel.js';
import { eventsOf, EventStreamError, type StreamEvent } from './event-stream.js';
import type { UpstreamLimits } from './http-upstream.js';
import { isObject, type JsonObject } from './message.js';
import { parseStrictJson, UnreadableJson } from './strict-json.js';
import { discard, type UpstreamSender } from './upstream-sender.js';
import { StatusRefusal, upstreamRefusal } from './upstream.js';

/** How connections to a server over HTTP+SSE (MCP 2024-11-05) are made. */
export function sseChannels(
  url: string,
  sender: UpstreamSender,
  limits: UpstreamLimits,
): OpenChannel {
  return (events) => new SseChannel({ url: new URL(url), sender, limits }, events);
}

interface SseParts {
  readonly url: URL;
  readonly sender: UpstreamSender;
  readonly limits: UpstreamLimits;
}

/** One stream of a server, whose first event tells where messages to it go. */
class SseChannel implements Channel {
  readonly opened: Promise<void>;
  readonly #left = new AbortController();
  readonly #endpoint = Promise.withResolvers<URL>();
  readonly #reading: Promise<void>;
  readonly #late: NodeJS.Timeout;
  #isOpen = false;
  #hasEnded = false;

  constructor(
    private readonly parts: SseParts,
    private readonly events: ChannelEvents,
  ) {
    this.opened = this.#endpoint.promise.then(
      () => undefined,
      () => undefined,
    );
    this.#late = setTimeout(() => this.#end(notInTime()), parts.limits.timeoutMs);
    this.#reading = this.#read();
  }

  async send(body: JsonObject): Promise<void> {
    const url = await this.#endpoint.promise;
    if (this.#hasEnded) throw serverEnded();
    const response = await this.parts.sender.send({
      method: 'POST',
      url,
      headers: {
        accept: 'application/json, text/event-stream',
        'content-type': 'application/json',
      },
      body: JSON.stringify(body),
      signal: this.#left.signal,
    });
    discard(response);
    const refusal = postRefusal(response.statusCode);
    if (refusal?.code === 'SESSION_UNKNOWN') this.#end(refusal);
    if (refusal !== undefined) throw refusal;
  }

  async close(): Promise<void> {
    this.#left.abort();
    await this.#reading;
  }

  /** Never rejects. */
  async #read(): Promise<void> {
    try {
      const bytes = plainBody(await this.#stream());
      for await (const event of eventsOf(bytes, this.parts.limits)) this.#take(event);
      this.#end(serverEnded());
    } catch (error) {
      this.#end(readingRefusal(error));
    } finally {
      clearTimeout(this.#late);
    }
  }

  /** The server's stream. Leaving it, or aborting `#left`, ends its connection. */
  async #stream(): Promise<Dispatcher.ResponseData> {
    const response = await this.parts.sender.send({
      method: 'GET',
      headers: { accept: 'text/event-stream' },
      body: null,
      signal: this.#left.signal,
      bodyTimeout: 0,
    });
    const { body, statusCode } = response;
    // An error that nobody listens to would end the process.
    body.on('error', () => undefined);
    const isStream = mediaTypeOf(response) === 'text/event-stream';
    if (statusCode === 200 && isStream) return response;
    body.destroy();
    throw isRefused(statusCode) ? notAccepted() : noStream(statusCode);
  }

  #take({ data, type }: StreamEvent): void {
    if (this.#hasEnded) return;
    if (!this.#isOpen) {
      this.#endpoint.resolve(endpointOf(type, data, this.parts.url));
      this.#isOpen = true;
      clearTimeout(this.#late);
      return;
    }
    // Clients do not listen to events of other types, and neither do we.
    if (type !== 'message' || data === '') return;
    const message = parseStrictJson(Buffer.from(data, 'utf8'), this.parts.limits);
    if (!isObject(message)) throw new TypeError('not a message');
    this.events.say(message);
  }

  #end(why: Refusal): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    // Before the server has said where, nothing was sent to it.
    const { code, message } = why;
    const told = this.#isOpen ? why : new Refusal(code, 'upstream', message, {}, { cause: why });
    this.#endpoint.reject(told);
    this.#left.abort();
    this.events.end(told);
  }
}

/**
 * Where messages go: below the origin that was configured, or whoever answers there could have them, and the
 * credential, sent anywhere.
 * @throws Refusal
 */
function endpointOf(type: string, data: string, url: URL): URL {
  const endpoint = type === 'endpoint' ? URL.parse(data, url.href) : null;
  if (endpoint === null) {
    throw unavailable('The server does not say where messages to it go.');
  }
  if (endpoint.origin !== url.origin) {
    throw unavailable('The server wants its messages at another origin; only its own is used.');
  }
  return endpoint;
}

/** Why a message was not taken; undefined where it was. */
function postRefusal(status: number): Refusal | undefined {
  if (status >= 200 && status < 300) return undefined;
  if (isRefused(status)) return notAccepted();
  if (status === 404) {
    const message = 'The server has ended the session; initialize anew.';
    return new Refusal('SESSION_UNKNOWN', 'upstream', message);
  }
  const message = `The server answered a message with status ${status}.`;
  return status >= 400 && status < 500
    ? new StatusRefusal(status, message)
    : upstreamRefusal('UPSTREAM_UNREADABLE', message, 'unknown');
}

function isRefused(status: number): boolean {
  return status === 401 || status === 403;
}

function notAccepted(): Refusal {
  return unavailable('The server does not accept the credential of the gateway.');
}

function noStream(status: number): Refusal {
  return unavailable(`The server answered with status ${status} and no stream of events.`);
}

function notInTime(): Refusal {
  const message = 'The server did not say in time where messages to it go.';
  return upstreamRefusal('UPSTREAM_TIMEOUT', message, 'no');
}

function readingRefusal(error: unknown): Refusal {
  if (error instanceof Refusal) return error;
  if (error instanceof EventStreamError) {
    const message = 'The server says more than is read of one stream, or of one event.';
    return upstreamRefusal('ANSWER_TOO_LARGE', message, 'unknown', error);
  }
  const isStrange = error instanceof UnreadableJson || error instanceof TypeError;
  return isStrange ? noMessage(error) : serverEnded();
}

function unavailable(message: string): Refusal {
  return upstreamRefusal('UPSTREAM_UNAVAILABLE', message, 'no');
}
