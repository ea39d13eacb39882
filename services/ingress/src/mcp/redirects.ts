/** A redirect that is not followed. The message is for whoever runs the gateway, `words` for the caller. */
export class RedirectRefused extends Error {
  override readonly name = 'RedirectRefused';
  readonly code = 'REDIRECT_REFUSED';

  constructor(
    readonly words: string,
    message: string,
  ) {
    super(message);
  }
}

/** How many redirects are followed for one request. */
export const maxRedirects = 3;

const redirects = new Set([301, 302, 303, 307, 308]);
/** They keep method and body (RFC 9110 §15.4.8, §15.4.9). */
const faithful = new Set([307, 308]);

/** Whether an answer of this status sends the request elsewhere. */
export function isRedirect(status: number): boolean {
  return redirects.has(status);
}

/**
 * Where a redirect sends the request on to: the same origin, with method and body as they are.
 * @throws RedirectRefused
 */
export function redirectTarget(from: URL, status: number, location: unknown): URL {
  if (!faithful.has(status)) {
    const words = `The server redirects with status ${status}; only 307 and 308 are followed.`;
    throw new RedirectRefused(words, `status ${status}`);
  }
  const target = typeof location === 'string' ? URL.parse(location, from.href) : null;
  if (target === null) {
    throw new RedirectRefused('The server redirects to nowhere.', 'no Location that is a URL');
  }
  if (target.origin !== from.origin) {
    const words = 'The server redirects to another origin; only its own is followed.';
    throw new RedirectRefused(words, `from ${from.origin} to ${target.origin}`);
  }
  return target;
}
