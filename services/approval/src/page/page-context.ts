import { csrfToken } from './csrf.js';
import type { Visitor } from './doorkeeper.js';
import type { PageContext } from './layout.js';

/** @param cursor of the change feed, taken before anything of the page is read. */
export function pageContext(visitor: Visitor, cursor: string): PageContext {
  const { principal, sessionId } = visitor;
  return { reader: principal, csrf: csrfToken(sessionId), cursor, now: new Date() };
}
