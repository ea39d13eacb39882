import { parseCookie, stringifySetCookie } from 'cookie';
import type { Request, Response } from 'express';

/** Names the session. Strict: no request that began on another site carries it. */
const sessionCookie = '__Host-countersign';

const signInPrefix = '__Host-countersign-signin-';
const signInSeconds = 600;

/** The session id that a request names, unchecked. */
export function sessionIdOf(request: Request): string | undefined {
  return cookiesOf(request)[sessionCookie];
}

export function setSession(response: Response, id: string): void {
  setCookie(response, { name: sessionCookie, value: id, sameSite: 'strict' });
}

export function clearSession(response: Response): void {
  setCookie(response, { name: sessionCookie, value: '', sameSite: 'strict', maxAge: 0 });
}

/** The sealed facts of the sign-in with this `state`. */
export function signInOf(request: Request, state: string): string | undefined {
  return cookiesOf(request)[nameOf(state)];
}

/** Lax, because the return from Entra begins on its site; a cookie for each sign-in, so that tabs do not meet. */
export function setSignIn(response: Response, state: string, sealed: string): void {
  const name = nameOf(state);
  setCookie(response, { name, value: sealed, sameSite: 'lax', maxAge: signInSeconds });
}

export function clearSignIn(response: Response, state: string): void {
  setCookie(response, { name: nameOf(state), value: '', sameSite: 'lax', maxAge: 0 });
}

function nameOf(state: string): string {
  return `${signInPrefix}${state.slice(0, 12)}`;
}

function cookiesOf(request: Request): Record<string, string | undefined> {
  return parseCookie(request.headers.cookie ?? '');
}

function setCookie(
  response: Response,
  cookie: {
    readonly name: string;
    readonly value: string;
    readonly sameSite: 'strict' | 'lax';
    readonly maxAge?: number;
  },
): void {
  const full = { ...cookie, path: '/', secure: true, httpOnly: true };
  response.append('set-cookie', stringifySetCookie(full));
}
