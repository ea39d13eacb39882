import type { IncomingHttpHeaders } from 'node:http';
import type { PageAddress } from './page-address.js';
import { PageRefusal } from './page-refusal.js';

/**
 * Checks that hold for every request: the name in Host is ours (no DNS rebinding), and there is no token in the
 * headers: who signs here has a session of the browser, nothing else.
 * @throws PageRefusal
 */
export function checkRequest(headers: IncomingHttpHeaders, address: PageAddress): void {
  if (headers.host?.toLowerCase() !== address.host) {
    throw new PageRefusal('HOST_UNKNOWN', `The page is at ${address.origin}.`);
  }
  if (headers.authorization !== undefined) {
    const detail = 'This page takes no tokens. Programs use the REST API under /v1/approvals.';
    throw new PageRefusal('BEARER_NOT_ACCEPTED', detail);
  }
}

/**
 * Checks a request that changes something: a form of this very origin sent it. Browsers name the origin of every
 * POST; one that does not is none.
 * @throws PageRefusal
 */
export function checkSameOrigin(headers: IncomingHttpHeaders, address: PageAddress): void {
  const site = headers['sec-fetch-site'] ?? 'same-origin';
  if (headers.origin === address.origin && site === 'same-origin') return;
  throw new PageRefusal('ORIGIN_FOREIGN', 'Another site sent this form. Nothing was changed.');
}

/** Where a strict cookie may be missing though the browser has it: the navigation began on another site. */
export function mayHideCookies(headers: IncomingHttpHeaders): boolean {
  const site = headers['sec-fetch-site'];
  return site !== 'same-origin' && site !== 'none';
}
