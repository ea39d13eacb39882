import type { Express, Request, Response } from 'express';
import { z } from 'zod';
import type { Applications } from './applications.js';
import { type Choice, choicePage, choiceStyle, choiceStylePath, wordPage } from './choice-page.js';
import { demoIdentities, type DemoIdentity, demoTenant, isDemoIdentity } from './identities.js';
import type { Issued } from './issued.js';

const askedSchema = z.object({
  client_id: z.string(),
  redirect_uri: z.string(),
  response_type: z.string().optional(),
  response_mode: z.string().optional(),
  code_challenge: z.string().optional(),
  code_challenge_method: z.string().optional(),
  state: z.string().optional(),
  nonce: z.string().optional(),
  /** Whom the person chose. */
  identity: z.string().optional(),
});
type Asked = z.infer<typeof askedSchema>;

const leaveSchema = z.object({ post_logout_redirect_uri: z.string().optional() });

/** Where people sign in and out: the authorization code flow by query, PKCE demanded. */
export function addSignInRoutes(app: Express, applications: Applications, issued: Issued): void {
  app.get(choiceStylePath, (_request, response) => void response.type('css').send(choiceStyle));
  app.get(`/${demoTenant}/oauth2/v2.0/authorize`, (request, response) => {
    response.set(pageHeaders);
    authorize(request, response, applications, issued);
  });
  app.get(`/${demoTenant}/oauth2/v2.0/logout`, (request, response) => {
    response.set(pageHeaders);
    const back = leaveSchema.safeParse(request.query).data?.post_logout_redirect_uri;
    if (back !== undefined && applications.isRegistered(back)) response.redirect(302, back);
    else response.send(wordPage('Signed out', 'You may close this window.'));
  });
}

const pageHeaders = {
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; style-src 'self'; frame-ancestors 'none'",
  'referrer-policy': 'no-referrer',
};

function authorize(
  request: Request,
  response: Response,
  applications: Applications,
  issued: Issued,
): void {
  const asked = askedSchema.safeParse(request.query).data;
  const application = asked === undefined ? undefined : applications.find(asked.client_id);
  // Nobody is sent to an address that is not registered, not even with an error (RFC 6749 section 3.1.2.4).
  if (asked === undefined || application?.redirectUris.includes(asked.redirect_uri) !== true) {
    const words = 'The application or its redirect address is not registered.';
    response.status(400).send(wordPage('This sign-in cannot start', words));
    return;
  }
  const error = errorOf(asked);
  if (error !== undefined) sendBack(response, asked, { error });
  else if (asked.identity === undefined) response.send(choices(request));
  else sendBack(response, asked, chosen(asked, issued));
}

function errorOf(asked: Asked): string | undefined {
  if (asked.response_type !== 'code') return 'unsupported_response_type';
  if (asked.response_mode !== undefined && asked.response_mode !== 'query')
    return 'invalid_request';
  if (asked.code_challenge_method !== 'S256') return 'invalid_request';
  return /^[\w-]{43}$/.test(asked.code_challenge ?? '') ? undefined : 'invalid_request';
}

function chosen(asked: Asked, issued: Issued): Record<string, string> {
  const { identity = '', client_id: clientId, redirect_uri: redirectUri, nonce } = asked;
  if (!isDemoIdentity(identity) || !isPerson(demoIdentities[identity])) {
    return { error: 'access_denied' };
  }
  const challenge = asked.code_challenge ?? '';
  return { code: issued.code({ clientId, redirectUri, challenge, nonce, identity }) };
}

function sendBack(response: Response, asked: Asked, answer: Record<string, string>): void {
  const back = new URL(asked.redirect_uri);
  for (const [name, value] of Object.entries(answer)) back.searchParams.set(name, value);
  if (asked.state !== undefined) back.searchParams.set('state', asked.state);
  response.redirect(302, back.toString());
}

function choices(request: Request): string {
  const address = (identity: string): string => {
    const here = new URL(request.originalUrl, 'https://stand-in');
    here.searchParams.set('identity', identity);
    return `${here.pathname}${here.search}`;
  };
  const people = Object.keys(demoIdentities)
    .filter(isDemoIdentity)
    .filter((name) => isPerson(demoIdentities[name]))
    .map((name): Choice => {
      return { name, displayName: demoIdentities[name].name, address: address(name) };
    });
  return choicePage(people, address('nobody'));
}

function isPerson(identity: DemoIdentity): boolean {
  return identity.isWorkload !== true;
}
