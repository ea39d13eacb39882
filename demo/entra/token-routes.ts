import express, { type Express, type Request, type Response } from 'express';
import { z } from 'zod';
import { accessToken, idToken, type TokenContext, tokenLifeSeconds } from './access-token.js';
import type { Applications } from './applications.js';
import type { Directory } from './directory.js';
import { demoIdentities, demoTenant, isDemoIdentity } from './identities.js';
import type { Issued, RefreshGrant } from './issued.js';

const clientFields = { client_id: z.string().optional(), client_secret: z.string().optional() };
const formSchema = z.discriminatedUnion('grant_type', [
  z.object({
    grant_type: z.literal('authorization_code'),
    code: z.string(),
    redirect_uri: z.string(),
    code_verifier: z.string(),
    ...clientFields,
  }),
  z.object({
    grant_type: z.literal('refresh_token'),
    refresh_token: z.string(),
    ...clientFields,
  }),
  z.object({ grant_type: z.literal('client_credentials'), ...clientFields }),
]);
type Form = z.infer<typeof formSchema>;

/** What the token endpoint works with. */
export interface TokenDesk {
  readonly context: () => TokenContext;
  readonly applications: Applications;
  readonly directory: Directory;
  readonly issued: Issued;
}

interface Answer {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

/** The token endpoint: codes, refresh tokens, applications, and the demo's own grant by name. */
export function addTokenRoutes(app: Express, desk: TokenDesk): void {
  const form = express.urlencoded({ extended: false });
  app.post(`/${demoTenant}/oauth2/v2.0/token`, form, (request, response, next) => {
    answer(desk, request).then((each) => send(response, each), next);
  });
}

function send(response: Response, { status, body }: Answer): void {
  response.status(status).set({ 'cache-control': 'no-store', pragma: 'no-cache' }).json(body);
}

async function answer(desk: TokenDesk, request: Request): Promise<Answer> {
  if (desk.directory.isOut('token')) return refusal('temporarily_unavailable', 503);
  const named = z.object({ identity: z.string() }).safeParse(request.body).data;
  if (named !== undefined) return byName(desk, named.identity);
  const form = formSchema.safeParse(request.body).data;
  if (form === undefined) return byName(desk, '');
  const client = clientOf(request, form);
  if (form.grant_type === 'client_credentials') return forApplication(desk, client.secret);
  if (!desk.applications.isProven(client.id, client.secret)) return refusal('invalid_client', 401);
  return form.grant_type === 'refresh_token'
    ? renewed(desk, form.refresh_token, client.id)
    : redeemed(desk, form, client.id);
}

/** The demo's own grant: a token for an identity by its name. */
async function byName(desk: TokenDesk, name: string): Promise<Answer> {
  if (!isDemoIdentity(name)) {
    const body = { error: 'invalid_request', known: Object.keys(demoIdentities) };
    return { status: 400, body };
  }
  const token = await accessToken(desk.context(), desk.directory.now(demoIdentities[name]));
  return granted({ access_token: token });
}

/** For calls to Graph; any application with a secret gets one. */
async function forApplication(desk: TokenDesk, secret: string | undefined): Promise<Answer> {
  if (secret === undefined || secret === '') return refusal('invalid_client', 401);
  const claims = { aud: 'https://graph.microsoft.com', groups: undefined };
  return granted({ access_token: await accessToken(desk.context(), demoIdentities.ci, claims) });
}

async function redeemed(
  desk: TokenDesk,
  form: Extract<Form, { grant_type: 'authorization_code' }>,
  clientId: string,
): Promise<Answer> {
  const grant = desk.issued.redeem({
    code: form.code,
    clientId,
    redirectUri: form.redirect_uri,
    verifier: form.code_verifier,
  });
  if (grant === undefined) return refusal('invalid_grant', 400);
  const { identity, family, nonce } = grant;
  return signedIn(desk, { clientId, identity, family }, nonce);
}

async function renewed(desk: TokenDesk, token: string, clientId: string): Promise<Answer> {
  const grant = desk.issued.renew(token, clientId);
  return grant === undefined ? refusal('invalid_grant', 400) : signedIn(desk, grant, undefined);
}

async function signedIn(
  desk: TokenDesk,
  grant: RefreshGrant,
  nonce: string | undefined,
): Promise<Answer> {
  const identity = desk.directory.now(demoIdentities[grant.identity]);
  const { clientId } = grant;
  return granted({
    access_token: await accessToken(desk.context(), identity, { azp: clientId }),
    id_token: await idToken(desk.context(), identity, { clientId, nonce }),
    refresh_token: desk.issued.refreshToken(grant),
    scope: 'openid profile offline_access',
  });
}

function granted(tokens: Readonly<Record<string, unknown>>): Answer {
  return { status: 200, body: { token_type: 'Bearer', expires_in: tokenLifeSeconds, ...tokens } };
}

function refusal(error: string, status: number): Answer {
  return { status, body: { error, error_description: `The stand-in says: ${error}.` } };
}

/** By form or by HTTP Basic, whose two parts are form-encoded (RFC 6749 section 2.3.1). */
function clientOf(request: Request, form: Form): { id: string; secret: string | undefined } {
  const [scheme = '', value = ''] = (request.headers.authorization ?? '').split(' ');
  if (scheme.toLowerCase() !== 'basic') {
    return { id: form.client_id ?? '', secret: form.client_secret };
  }
  const [id = '', secret = ''] = Buffer.from(value, 'base64').toString('utf8').split(':');
  return { id: decoded(id), secret: decoded(secret) };
}

function decoded(text: string): string {
  return new URLSearchParams(`v=${text}`).get('v') ?? '';
}
