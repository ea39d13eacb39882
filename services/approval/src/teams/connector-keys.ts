import { type CryptoKey, importJWK } from 'jose';
import { z } from 'zod';
import { isSafeUrl } from './service-url.js';
import { TeamsRefusal } from './teams-refusal.js';

/** A key of the Bot Connector, and the channels that it may speak for. */
export interface ConnectorKey {
  readonly id: string;
  readonly endorsements: readonly string[];
  readonly key: CryptoKey | Uint8Array;
}

/** Where keys are published, and how long they are kept. */
export interface ConnectorKeySettings {
  /** The OpenID configuration document. */
  readonly openIdUrl: string;
  /** Keys older than this are fetched anew, beside the work; milliseconds. Default 1 h. */
  readonly reloadMs?: number;
  /** Without one successful fetch for this long nothing is verified; milliseconds. Default 24 h. */
  readonly maxAgeMs?: number;
  /** Least time between two fetches on account of an unknown key; milliseconds. Default 30 s. */
  readonly cooldownMs?: number;
  /** Of each of the two requests, milliseconds. Default 1200: a press has to be answered within 3 s. */
  readonly timeoutMs?: number;
}

const openIdSchema = z.object({ jwks_uri: z.url() });
const keySetSchema = z.object({ keys: z.array(z.unknown()).max(200) });
const keySchema = z.object({
  kty: z.literal('RSA'),
  kid: z.string().min(1),
  n: z.string(),
  e: z.string(),
  endorsements: z.array(z.string()).default([]),
});

/** The Bot Connector's published keys. An outage of their endpoint is bridged for a day. */
export class ConnectorKeys {
  #keys = new Map<string, ConnectorKey>();
  #loadedAtMs = Number.NEGATIVE_INFINITY;
  #triedAtMs = Number.NEGATIVE_INFINITY;
  #loading: Promise<void> | undefined;

  constructor(private readonly settings: ConnectorKeySettings) {
    if (!isSafeUrl(new URL(settings.openIdUrl)))
      throw new TypeError('the OpenID configuration must be https');
  }

  /** The key of this id; undefined where there is none. @throws TeamsRefusal `KEYS_UNAVAILABLE` */
  async find(id: string): Promise<ConnectorKey | undefined> {
    const { reloadMs = 3_600_000, maxAgeMs = 86_400_000, cooldownMs = 30_000 } = this.settings;
    const ageMs = Date.now() - this.#loadedAtMs;
    const isRested = Date.now() - this.#triedAtMs > cooldownMs;
    const known = ageMs > maxAgeMs ? undefined : this.#keys.get(id);
    if (known !== undefined) {
      // Failing changes nothing: the keys at hand are good until they are too old.
      if (ageMs > reloadMs && isRested) this.#load().catch(() => undefined);
      return known;
    }
    if (ageMs <= maxAgeMs && !isRested) return undefined;
    await this.#load();
    return this.#keys.get(id);
  }

  async #load(): Promise<void> {
    this.#loading ??= this.#fetch().finally(() => (this.#loading = undefined));
    return this.#loading;
  }

  async #fetch(): Promise<void> {
    this.#triedAtMs = Date.now();
    try {
      const { jwks_uri } = openIdSchema.parse(await this.#read(this.settings.openIdUrl));
      const { keys } = keySetSchema.parse(await this.#read(jwks_uri));
      const usable = keys.flatMap((each) => keySchema.safeParse(each).data ?? []);
      if (usable.length === 0) throw new Error('no usable key is published');
      const found = new Map<string, ConnectorKey>();
      for (const { endorsements, ...jwk } of usable) {
        const key = await importJWK(jwk, 'RS256');
        found.set(jwk.kid, { id: jwk.kid, endorsements, key });
      }
      this.#keys = found;
      this.#loadedAtMs = Date.now();
    } catch (cause) {
      throw new TeamsRefusal('KEYS_UNAVAILABLE', 'the keys cannot be read', { cause });
    }
  }

  async #read(url: string): Promise<unknown> {
    if (!isSafeUrl(new URL(url))) throw new Error('keys travel over https only');
    const signal = AbortSignal.timeout(this.settings.timeoutMs ?? 1200);
    const response = await fetch(url, { redirect: 'error', signal });
    if (!response.ok) throw new Error(`the endpoint said ${response.status}`);
    return response.json();
  }
}
