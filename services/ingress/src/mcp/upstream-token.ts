import {
  allowInsecureRequests,
  clientCredentialsGrant,
  ClientSecretBasic,
  ClientSecretPost,
  Configuration,
  customFetch,
  type CustomFetch,
  ResponseBodyError,
  type TokenEndpointResponse,
} from 'openid-client';
import { Agent, fetch as fetchThrough } from 'undici';
import type { OAuthConfig } from '#runtime';
import { CredentialError, type Servers } from '../servers.js';
import { AddressRefused } from './upstream-addresses.js';
import { ConnectError, guardedConnector, type Resolve } from './upstream-connector.js';

/** Longest time for one answer of the token endpoint, seconds. */
const timeoutSeconds = 5;
const maxAnswerBytes = 1_048_576;
/** For tokens whose answer does not tell how long they live, seconds. */
const shortestLife = 300;
/** A token is renewed so long before its end, or at half of its life, milliseconds. */
const renewAheadMs = 5 * 60_000;
/** A token is not shown any more so shortly before its end, or in the last quarter of its life, milliseconds. */
const marginMs = 10_000;
/** Between two tries to renew a token that still serves, or that servers refuse, milliseconds. */
const pauseMs = 10_000;

/** What a token is asked for with. */
export interface TokenParts {
  readonly config: OAuthConfig;
  readonly servers: Servers;
  readonly connectTimeoutMs: number;
  readonly resolve?: Resolve | undefined;
}

interface Kept {
  readonly token: string;
  readonly renewAtMs: number;
  readonly untilMs: number;
}

/**
 * The gateway's own access token for one upstream (OAuth 2.0 client credentials, RFC 6749 §4.4): kept, renewed
 * before it ends, asked for once however many callers wait.
 */
export class UpstreamToken {
  readonly #agent: Agent;
  #kept: Kept | undefined;
  #asking: Promise<string> | undefined;
  #droppedAtMs = Number.NEGATIVE_INFINITY;

  constructor(private readonly parts: TokenParts) {
    const { config, connectTimeoutMs: timeoutMs, resolve, servers } = parts;
    const authorities = () => servers.authorities(config.caFile);
    this.#agent = new Agent({
      maxResponseSize: maxAnswerBytes,
      connect: guardedConnector({ network: config.network, timeoutMs, authorities, resolve }),
    });
  }

  /** A token that is in force. @throws CredentialError */
  async get(): Promise<string> {
    const now = Date.now();
    const kept = this.#kept;
    if (kept === undefined || now >= kept.untilMs) return this.#fresh();
    if (now >= kept.renewAtMs) {
      this.#kept = { ...kept, renewAtMs: now + pauseMs };
      // A failure is told when no token serves any more.
      void this.#fresh().catch(() => undefined);
    }
    return kept.token;
  }

  /**
   * Drops a token that the server refused. False when one has been dropped a moment ago: a server that
   * refuses every token must not make a caller's requests into as many for the authority.
   */
  forget(token: string): boolean {
    if (this.#kept?.token !== token) return true;
    const now = Date.now();
    if (now < this.#droppedAtMs + pauseMs) return false;
    this.#droppedAtMs = now;
    this.#kept = undefined;
    return true;
  }

  /** Ends connections to the token endpoint. */
  async close(): Promise<void> {
    await this.#agent.destroy();
  }

  async #fresh(): Promise<string> {
    this.#asking ??= this.#ask().finally(() => (this.#asking = undefined));
    return this.#asking;
  }

  async #ask(): Promise<string> {
    const now = Date.now();
    const answer = await this.#granted().catch((error: unknown) => {
      throw asCredentialError(error);
    });
    const { access_token: token, expires_in: lifeSeconds = shortestLife } = answer;
    if (answer.token_type !== 'bearer' || !/^[\x21-\x7e]+$/.test(token)) {
      throw new CredentialError('the token endpoint gave a token that is no bearer token');
    }
    const untilMs = now + lifeSeconds * 1000;
    this.#kept = {
      token,
      renewAtMs: Math.max(untilMs - renewAheadMs, (now + untilMs) / 2),
      untilMs: Math.max(untilMs - marginMs, (now + 3 * untilMs) / 4),
    };
    return token;
  }

  async #granted(): Promise<TokenEndpointResponse> {
    const { config, servers } = this.parts;
    const { audience, clientAuthentication, clientId, resource, scope, tokenUrl } = config;
    const secret = await servers.clientSecret(config);
    const proof =
      clientAuthentication === 'post' ? ClientSecretPost(secret) : ClientSecretBasic(secret);
    const { origin, protocol } = new URL(tokenUrl);
    const authority = { issuer: origin, token_endpoint: tokenUrl };
    const configuration = new Configuration(authority, clientId, undefined, proof);
    configuration.timeout = timeoutSeconds;
    configuration[customFetch] = this.#fetch;
    // The configuration allows that on this machine alone.
    if (protocol === 'http:') allowInsecureRequests(configuration);
    return clientCredentialsGrant(configuration, {
      ...config.parameters,
      ...(scope === undefined ? {} : { scope }),
      ...(audience === undefined ? {} : { audience }),
      ...(resource === undefined ? {} : { resource }),
    });
  }

  /** Redirects are an error to the library: the secret goes nowhere else. */
  readonly #fetch: CustomFetch = async (address, { body, headers, method, redirect, signal }) => {
    const dispatcher = this.#agent;
    const init = { headers, method, redirect, dispatcher, ...(signal ? { signal } : {}) };
    return fetchThrough(address, body === undefined || body === null ? init : { ...init, body });
  };
}

/** Only what is known to hold no secret: an answer may repeat what it was asked with. */
function asCredentialError(error: unknown): CredentialError {
  if (error instanceof CredentialError) return error;
  if (error instanceof ResponseBodyError) {
    const word = /^\w{1,60}$/.test(error.error) ? error.error : 'an error';
    return new CredentialError(`the token endpoint said ${error.status}: ${word}`);
  }
  const cause = error instanceof Error ? error.cause : undefined;
  if (cause instanceof CredentialError) return cause;
  return new CredentialError(`the token endpoint ${faultOf(error, cause)}`);
}

function faultOf(error: unknown, cause: unknown): string {
  if (cause instanceof AddressRefused || cause instanceof ConnectError) {
    return `is not reached: ${cause.message}`;
  }
  const isLate = error instanceof Error && 'code' in error && error.code === 'OAUTH_TIMEOUT';
  return isLate ? 'did not answer in time' : 'gave no answer that can be used';
}
