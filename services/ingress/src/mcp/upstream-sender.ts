import { Agent, type Dispatcher, errors, request as send } from 'undici';
import type { HttpServerConfig } from '#runtime';
import { Refusal } from '../gate/refusal.js';
import { CredentialError, type Servers } from '../servers.js';
import { isRedirect, maxRedirects, RedirectRefused, redirectTarget } from './redirects.js';
import { AddressRefused } from './upstream-addresses.js';
import { ConnectError, guardedConnector, type Resolve } from './upstream-connector.js';
import { UpstreamToken } from './upstream-token.js';
import { upstreamRefusal } from './upstream.js';

/** What requests to one upstream are sent with. */
export interface SenderParts {
  readonly config: HttpServerConfig;
  readonly servers: Servers;
  /** Longest silence before and in an answer, in milliseconds. */
  readonly timeoutMs: number;
  readonly resolve?: Resolve | undefined;
}

/** A request as the protocol wants it, before what the configuration adds. */
export interface Outgoing {
  readonly method: 'POST' | 'GET' | 'DELETE';
  /** Of the upstream's own origin; its configured one unless said. */
  readonly url?: URL;
  /** In small letters. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | null;
  /** Aborted when the answer is not wanted any more. */
  readonly signal: AbortSignal;
  /** Longest silence in the answer, in milliseconds; 0 for any. */
  readonly bodyTimeout?: number;
}

/**
 * Sends requests to one upstream, with its credential: to allowed addresses and to its own origin alone. What
 * has connected once is used again.
 */
export class UpstreamSender {
  readonly #agent: Agent;
  readonly #token: UpstreamToken | undefined;

  constructor(private readonly parts: SenderParts) {
    const { config, resolve, servers, timeoutMs } = parts;
    const { caFile, connectTimeoutMs, credential, network } = config;
    const authorities = () => servers.authorities(caFile);
    this.#agent = new Agent({
      headersTimeout: timeoutMs,
      bodyTimeout: timeoutMs,
      connect: guardedConnector({ network, timeoutMs: connectTimeoutMs, authorities, resolve }),
    });
    if (credential !== undefined && 'oauth' in credential) {
      const { oauth } = credential;
      this.#token = new UpstreamToken({ config: oauth, servers, connectTimeoutMs, resolve });
    }
  }

  /** The upstream's answer, from its first byte on. @throws Refusal when none begins */
  async send(outgoing: Outgoing): Promise<Dispatcher.ResponseData> {
    try {
      return await this.#authenticated(outgoing);
    } catch (error) {
      throw sendingRefusal(error);
    }
  }

  /** Lets answers that have begun, or are waited for, come to their end; then ends all connections. */
  async retire(): Promise<void> {
    await this.#agent.close();
    await this.#token?.close();
  }

  /** Ends all connections. */
  async close(): Promise<void> {
    await Promise.all([this.#agent.destroy(), this.#token?.close()]);
  }

  /** A server that refuses a token has executed nothing: the request goes again, once, with a new one. */
  async #authenticated(outgoing: Outgoing): Promise<Dispatcher.ResponseData> {
    const token = await this.#token?.get();
    const response = await this.#followed(outgoing, token);
    const isRefused = response.statusCode === 401 && token !== undefined;
    if (!isRefused || this.#token?.forget(token) !== true) return response;
    discard(response);
    return this.#followed(outgoing, await this.#token.get());
  }

  async #followed(outgoing: Outgoing, token: string | undefined): Promise<Dispatcher.ResponseData> {
    let url = outgoing.url ?? new URL(this.parts.config.url);
    for (let redirects = 0; redirects <= maxRedirects; redirects += 1) {
      const response = await this.#once(url, outgoing, token);
      if (!isRedirect(response.statusCode)) return response;
      discard(response);
      url = redirectTarget(url, response.statusCode, response.headers['location']);
    }
    throw new RedirectRefused('The server redirects too often.', `more than ${maxRedirects} times`);
  }

  async #once(
    url: URL,
    outgoing: Outgoing,
    token: string | undefined,
  ): Promise<Dispatcher.ResponseData> {
    const { config, servers } = this.parts;
    const { url: _, ...request } = outgoing;
    const headers = {
      // Without it, a server may pack its answer in any way (RFC 9110 §12.5.3).
      'accept-encoding': 'identity',
      ...outgoing.headers,
      ...servers.headers(config),
      ...(await servers.credential(config)),
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    };
    if (outgoing.signal.aborted) {
      throw unavailable('The answer was not wanted any more before the server was asked.', 'no');
    }
    return send(url, { ...request, headers, dispatcher: this.#agent });
  }
}

/** Reads the rest of an answer that nobody wants, so that its connection can be used again. */
export function discard({ body }: Dispatcher.ResponseData): void {
  // An error that nobody listens to would end the process.
  body.on('error', () => undefined);
  void body.dump().catch(() => undefined);
}

/** Before the upstream's answer began: it may not have seen the call, or it may work on it. */
function sendingRefusal(error: unknown): Refusal {
  if (error instanceof Refusal) return error;
  if (error instanceof CredentialError) {
    return unavailable('The credential for this server is not available.', 'no', error);
  }
  if (error instanceof AddressRefused) {
    const message = 'The server has an address that its setting "network" does not allow.';
    return unavailable(message, 'no', error);
  }
  if (error instanceof RedirectRefused) return unavailable(error.words, 'no', error);
  if (error instanceof errors.HeadersTimeoutError) {
    const message = 'The server did not answer in time.';
    return upstreamRefusal('UPSTREAM_TIMEOUT', message, 'unknown', error);
  }
  const executed = error instanceof ConnectError ? 'no' : 'unknown';
  return unavailable('The server cannot be reached.', executed, error);
}

function unavailable(message: string, executed: 'no' | 'unknown', cause?: unknown): Refusal {
  return upstreamRefusal('UPSTREAM_UNAVAILABLE', message, executed, cause);
}
