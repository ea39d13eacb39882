import type { Detector, Finding } from './detector.js';

const localChar = /[\p{L}\p{N}._%+'&=~-]/u;
const domain =
  /(?:[\p{L}\p{N}](?:[\p{L}\p{N}-]{0,61}[\p{L}\p{N}])?\.){1,8}(?:xn--[a-z0-9-]{2,58}|\p{L}{2,24})/uy;
const maxLocalLength = 64;

/** Goes outwards from each `@`, so that the work does not depend on what lies between. */
function* scanEmails(text: string): Iterable<Finding> {
  for (let at = text.indexOf('@'); at >= 0; at = text.indexOf('@', at + 1)) {
    const start = localStart(text, at);
    domain.lastIndex = at + 1;
    if (start === at || !domain.test(text)) continue;
    const end = domain.lastIndex;
    if (!isVersion(text, at, end) && !isInAuthority(text, at) && !isGitRemote(text, start, end)) {
      yield { start, end };
    }
  }
}

function localStart(text: string, at: number): number {
  let start = at;
  while (start > 0 && at - start < maxLocalLength && localChar.test(text.charAt(start - 1)))
    start--;
  // What follows the last `=` or `&` of a query is the address; the names before it are not.
  const local = text.slice(start, at);
  start += Math.max(local.lastIndexOf('='), local.lastIndexOf('&')) + 1;
  while (start < at && /[.'%-]/.test(text.charAt(start))) start++;
  return start;
}

/** `left-pad@1.3.0-rc.next` is a package. */
function isVersion(text: string, at: number, end: number): boolean {
  return /^\d{1,9}\.\d{1,9}\./.test(text.slice(at + 1, end));
}

/** In `ftp://user:word@host.example` the `@` parts credentials from a host. */
function isInAuthority(text: string, at: number): boolean {
  const before = text.slice(Math.max(0, at - 320), at);
  const scheme = before.lastIndexOf('://');
  return scheme >= 0 && !/[\s/?#"'<>]/.test(before.slice(scheme + 3));
}

function isGitRemote(text: string, start: number, end: number): boolean {
  return text.startsWith('git@', start) && text.charAt(end) === ':';
}

/** E-mail addresses, international ones included. */
export const email: Detector = {
  type: 'EMAIL',
  score: 0.95,
  needs: { ats: 1 },
  scan: scanEmails,
  vectors: {
    match: [
      'mail «ada@example.com», please',
      '<«ada.l+x@sub.example.co.uk»>',
      '«jörg@müller.example»',
      '?to=«ada@example.com»&x=1',
      'mailto:«ada@example.com».',
    ],
    noMatch: [
      '@scope/name',
      'left-pad@1.3.0-rc.next',
      'ada@localhost',
      'git@github.com:a/b',
      'ftp://u:w@host.example/x',
    ],
  },
};
