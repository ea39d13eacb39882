import { z } from 'zod';

const thisMachine = new Set(['localhost', '127.0.0.1', '[::1]']);

/** Where secrets may be sent: an https URL, or http to this very machine; without a user name in it. */
export const safeUrl = z.url({ protocol: /^https?$/ }).refine(isSafe, {
  error: 'must be an https URL, without a user name',
  when: ({ issues }) => issues.length === 0,
});

function isSafe(text: string): boolean {
  const { hostname, password, protocol, username } = new URL(text);
  return username + password === '' && (protocol === 'https:' || thisMachine.has(hostname));
}
