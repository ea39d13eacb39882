import { randomUUID } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import { createServer as createSecureServer, type Server as SecureServer } from 'node:https';
import express, { type Express } from 'express';
import { exportJWK, generateKeyPair, type JWK } from 'jose';
import { listeningPort } from '../listening-port.js';
import { accessToken, type TokenContext } from './access-token.js';
import { Applications, type DemoApplication } from './applications.js';
import { type Certificates, makeCertificates } from './certificates.js';
import { Directory, type StandInPart } from './directory.js';
import { addGraphRoutes } from './graph-routes.js';
import { type DemoIdentity, type DemoIdentityName, demoTenant } from './identities.js';
import { Issued } from './issued.js';
import { addSignInRoutes } from './sign-in-routes.js';
import { addTokenRoutes, type TokenDesk } from './token-routes.js';

/** Settings of the stand-in. */
export interface StandInSettings {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** The name under which clients reach it; default `localhost`. */
  readonly publicHost?: string;
  /** Certificates made before; new ones otherwise. */
  readonly certificates?: Certificates;
  /** Applications that people sign in to; more can be registered later. */
  readonly applications?: readonly DemoApplication[];
  /**
   * Serves the pages for people on plain HTTP too and sends browsers there. `port` 0 takes a free one; `url` is where
   * browsers reach it, default `http://localhost:<port>`.
   */
  readonly signIn?: { readonly port: number; readonly url?: string | undefined };
}

/** A running stand-in for Entra. */
export interface StandInEntra {
  readonly authority: string;
  /** Where browsers are sent to sign in. */
  readonly signInUrl: string;
  readonly certificateAuthority: string;
  /** A token for an identity; `claims` replaces or removes claims. */
  token(identity: DemoIdentity, claims?: Readonly<Record<string, unknown>>): Promise<string>;
  /** How often the signing keys were fetched. */
  keyFetches(): number;
  /** Lets people sign in to an application; replaces one with the same client id. */
  register(application: DemoApplication): void;
  /** From now on tokens and Graph name these groups (object ids) for the person. */
  setGroups(oid: string, groups: readonly string[]): void;
  /** Ends what the identity signed in to: its refresh tokens serve no more. */
  endSignIns(identity: DemoIdentityName): void;
  /** Takes a part away (it answers 503), or gives it back. */
  setOutage(part: StandInPart, isOut: boolean): void;
  close(): Promise<void>;
}

/**
 * A stand-in for Entra on HTTPS: signing keys, metadata, and tokens for whoever asks by name. It gives
 * everybody a token, so it refuses to start in production.
 */
export async function startStandInEntra(settings: StandInSettings): Promise<StandInEntra> {
  refuseProduction();
  const publicHost = settings.publicHost ?? 'localhost';
  const certificates = settings.certificates ?? (await makeCertificates([publicHost]));
  const { jwk, keyId, privateKey } = await newKey();
  let context: TokenContext = { authority: '', tenant: demoTenant, keyId, privateKey };
  let fetches = 0;
  const directory = new Directory();
  const issued = new Issued();
  const applications = new Applications(settings.applications ?? []);
  const signIn = await startSignInPages(settings, applications, issued);
  const app = routes(
    { context: () => context, applications, directory, issued },
    { jwk, onKeys: () => void (fetches += 1), signInUrl: () => signIn?.url ?? context.authority },
  );
  const { certificate: cert, privateKey: key } = certificates;
  const server = createSecureServer({ cert, key }, app).listen(settings.port, settings.host);
  context = { ...context, authority: `https://${publicHost}:${await listeningPort(server)}` };
  return {
    authority: context.authority,
    signInUrl: signIn?.url ?? context.authority,
    certificateAuthority: certificates.authority,
    token: async (identity, claims) => accessToken(context, directory.now(identity), claims),
    keyFetches: () => fetches,
    register: (application) => applications.register(application),
    setGroups: (oid, groups) => directory.setGroups(oid, groups),
    endSignIns: (identity) => issued.endSignIns(identity),
    setOutage: (part, isOut) => directory.setOutage(part, isOut),
    close: async () => {
      await Promise.all([closed(server), signIn === undefined ? undefined : closed(signIn.server)]);
    },
  };
}

async function newKey() {
  const { privateKey, publicKey } = await generateKeyPair('RS256');
  const keyId = randomUUID();
  const jwk: JWK = { ...(await exportJWK(publicKey)), kid: keyId, use: 'sig', alg: 'RS256' };
  return { privateKey, keyId, jwk };
}

/** The pages for people once more on plain HTTP, where wanted: no browser knows the certificate of a demo. */
async function startSignInPages(
  settings: StandInSettings,
  applications: Applications,
  issued: Issued,
): Promise<{ readonly server: Server; readonly url: string } | undefined> {
  if (settings.signIn === undefined) return undefined;
  const app = express().disable('x-powered-by');
  addSignInRoutes(app, applications, issued);
  const server = createServer(app).listen(settings.signIn.port, settings.host);
  const port = await listeningPort(server);
  return { server, url: settings.signIn.url ?? `http://localhost:${port}` };
}

async function closed(server: Server | SecureServer): Promise<void> {
  server.closeAllConnections();
  await new Promise((done) => server.close(done));
}

function refuseProduction(): void {
  if (process.env['NODE_ENV'] !== 'production') return;
  throw new Error('The stand-in for Entra gives tokens to anybody and must not run in production.');
}

function routes(
  parts: TokenDesk,
  keys: {
    readonly jwk: JWK;
    readonly onKeys: () => void;
    readonly signInUrl: () => string;
  },
): Express {
  const app = express();
  app.disable('x-powered-by');
  app.get('/livez', (_request, response) => void response.json({ status: 'live' }));
  app.get(`/${demoTenant}/discovery/v2.0/keys`, (_request, response) => {
    keys.onKeys();
    response.json({ keys: [keys.jwk] });
  });
  app.get(`/${demoTenant}/v2.0/.well-known/openid-configuration`, (_request, response) => {
    if (parts.directory.isOut('token')) response.status(503).end();
    else response.json(metadata(parts.context(), keys.signInUrl()));
  });
  addSignInRoutes(app, parts.applications, parts.issued);
  addTokenRoutes(app, parts);
  addGraphRoutes(app, parts.directory);
  return app;
}

/** OpenID Connect Discovery 1.0 section 3, as far as Entra fills it. */
function metadata({ authority, tenant }: TokenContext, signInUrl: string): object {
  const pages = `${signInUrl}/${tenant}/oauth2/v2.0`;
  return {
    issuer: `${authority}/${tenant}/v2.0`,
    authorization_endpoint: `${pages}/authorize`,
    token_endpoint: `${authority}/${tenant}/oauth2/v2.0/token`,
    end_session_endpoint: `${pages}/logout`,
    jwks_uri: `${authority}/${tenant}/discovery/v2.0/keys`,
    response_types_supported: ['code'],
    response_modes_supported: ['query'],
    scopes_supported: ['openid', 'profile', 'offline_access'],
    subject_types_supported: ['pairwise'],
    id_token_signing_alg_values_supported: ['RS256'],
    token_endpoint_auth_methods_supported: ['client_secret_post', 'client_secret_basic'],
  };
}
