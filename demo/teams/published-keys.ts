import { Router } from 'express';
import { newSigningKey, type SigningKey } from './signing.js';

/** Whom the Bot Connector's tokens name as their issuer. */
export const connectorIssuer = 'https://api.botframework.com';

/** The keys of the stand-in as everybody may read them. */
export class PublishedKeys {
  readonly #published: SigningKey[];
  /** How often the keys were fetched. */
  fetches = 0;
  /** The endpoint fails while this is set. */
  isDown = false;

  private constructor(
    /** The one that signs unless another is asked for. */
    readonly key: SigningKey,
  ) {
    this.#published = [key];
  }

  static async create(): Promise<PublishedKeys> {
    return new PublishedKeys(await newSigningKey(['msteams', 'webchat']));
  }

  async add(endorsements: readonly string[], isPublished: boolean): Promise<SigningKey> {
    const key = await newSigningKey(endorsements);
    if (isPublished) this.#published.push(key);
    return key;
  }

  /** The OpenID configuration and the keys, below the address where they are mounted. */
  routes(address: string): Router {
    const router = Router();
    router.get('/openidconfiguration', (_request, response) => {
      response.json({
        issuer: connectorIssuer,
        authorization_endpoint: 'https://invalid.botframework.com',
        jwks_uri: `${address}/keys`,
        id_token_signing_alg_values_supported: ['RS256'],
        token_endpoint_auth_methods_supported: ['private_key_jwt'],
      });
    });
    router.get('/keys', (_request, response) => {
      this.fetches += 1;
      if (this.isDown) response.status(503).json({});
      else response.json({ keys: this.#published.map((each) => each.jwk) });
    });
    return router;
  }
}
