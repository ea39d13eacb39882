import { createHmac, timingSafeEqual } from 'node:crypto';

/** The token in every form of a session. It tells nothing of the session id that it is made from. */
export function csrfToken(sessionId: string): string {
  return createHmac('sha256', sessionId).update('countersign:csrf:v1').digest('base64url');
}

/** True for the session's own token. */
export function isCsrfToken(given: unknown, sessionId: string): boolean {
  const expected = Buffer.from(csrfToken(sessionId));
  const bytes = Buffer.from(typeof given === 'string' ? given : '');
  return bytes.length === expected.length && timingSafeEqual(bytes, expected);
}
