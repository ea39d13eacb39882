import { createServer } from 'node:https';
import { randomUUID } from 'node:crypto';
import express, { type Express, type Request, type Response } from 'express';
import { exportJWK, generateKeyPair, type JWK } from 'jose';
import { listeningPort } from '../listening-port.js';
import { accessToken, type TokenContext } from './access-token.js';
import { type Certificates, makeCertificates } from './certificates.js';
import { type DemoIdentity, demoIdentities, demoTenant, isDemoIdentity } from './identities.js';

/** Settings of the stand-in. */
export interface StandInSettings {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** The name under which clients reach it; default `localhost`. */
  readonly publicHost?: string;
  /** Certificates made before; new ones otherwise. */
  readonly certificates?: Certificates;
}

/** A running stand-in for Entra. */
export interface StandInEntra {
  readonly authority: string;
  readonly certificateAuthority: string;
  /** A token for an identity; `claims` replaces or removes claims. */
  token(identity: DemoIdentity, claims?: Readonly<Record<string, unknown>>): Promise<string>;
  /** How often the signing keys were fetched. */
  keyFetches(): number;
  close(): Promise<void>;
}

/**
 * A stand-in for Entra on HTTPS: signing keys, metadata, and tokens for whoever asks by name. It gives
 * everybody a token, so it refuses to start in production.
 */
export async function startStandInEntra(settings: StandInSettings): Promise<StandInEntra> {
  if (process.env['NODE_ENV'] === 'production') {
    throw new Error(
      'The stand-in for Entra gives tokens to anybody and must not run in production.',
    );
  }
  const publicHost = settings.publicHost ?? 'localhost';
  const certificates = settings.certificates ?? (await makeCertificates([publicHost]));
  const { privateKey, publicKey } = await generateKeyPair('RS256');
  const keyId = randomUUID();
  const jwk = { ...(await exportJWK(publicKey)), kid: keyId, use: 'sig', alg: 'RS256' };
  let context: TokenContext = { authority: '', tenant: demoTenant, keyId, privateKey };
  let fetches = 0;
  const app = routes(
    () => context,
    jwk,
    () => void (fetches += 1),
  );
  const server = createServer(
    { cert: certificates.certificate, key: certificates.privateKey },
    app,
  );
  server.listen(settings.port, settings.host);
  const port = await listeningPort(server);
  context = { ...context, authority: `https://${publicHost}:${port}` };
  return {
    authority: context.authority,
    certificateAuthority: certificates.authority,
    token: async (identity, claims) => accessToken(context, identity, claims),
    keyFetches: () => fetches,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function routes(context: () => TokenContext, jwk: JWK, onKeys: () => void): Express {
  const app = express();
  app.get('/livez', (_request, response) => void response.json({ status: 'live' }));
  app.get(`/${demoTenant}/discovery/v2.0/keys`, (_request, response) => {
    onKeys();
    response.json({ keys: [jwk] });
  });
  app.get(`/${demoTenant}/v2.0/.well-known/openid-configuration`, (_request, response) => {
    const { authority, tenant } = context();
    response.json({
      issuer: `${authority}/${tenant}/v2.0`,
      jwks_uri: `${authority}/${tenant}/discovery/v2.0/keys`,
      token_endpoint: `${authority}/${tenant}/oauth2/v2.0/token`,
    });
  });
  const form = express.urlencoded({ extended: false });
  app.post(`/${demoTenant}/oauth2/v2.0/token`, form, (request, response) => {
    void issue(context(), request, response);
  });
  return app;
}

/** The demo's own grant: a token for an identity by its name. */
async function issue(context: TokenContext, request: Request, response: Response): Promise<void> {
  const body: unknown = request.body;
  const name =
    typeof body === 'object' && body !== null && 'identity' in body ? String(body.identity) : '';
  if (!isDemoIdentity(name)) {
    response.status(400).json({ error: 'invalid_request', known: Object.keys(demoIdentities) });
    return;
  }
  const token = await accessToken(context, demoIdentities[name]);
  response.json({ token_type: 'Bearer', expires_in: 3600, access_token: token });
}
