/** Where somebody goes who asked for nothing in particular. */
const inboxPath = '/approvals';

/** Says in an address that its page was loaded again from our own site already. */
export const againParameter = 'again';

const maxLength = 512;
const pagesToReturnTo = /^\/approvals(\/[0-9a-f-]{36})?$/;

/**
 * The path to go to after a sign-in: the wish, where it is a page of ours, else the inbox. Addresses of other
 * sites (also `//elsewhere`, `/\elsewhere`) never come out.
 */
export function safeReturnPath(wish: unknown, origin: string): string {
  if (typeof wish !== 'string' || wish.length > maxLength || !wish.startsWith('/'))
    return inboxPath;
  const url = URL.parse(wish, origin);
  if (url === null || url.origin !== origin || !pagesToReturnTo.test(url.pathname))
    return inboxPath;
  url.searchParams.delete(againParameter);
  return `${url.pathname}${url.search}`;
}

/** The same path, marked as loaded again. */
export function markedAgain(path: string, origin: string): string {
  const url = new URL(path, origin);
  url.searchParams.set(againParameter, '1');
  return `${url.pathname}${url.search}`;
}
