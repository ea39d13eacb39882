import { noKey } from '../key-words.js';
import { isSecretKey, isStrongSecretKey } from './secret-key.js';
import { isPlaceholder, looksRandom } from './entropy.js';
import type { Candidate, Detector, Finding, Surroundings } from './detector.js';

const maxSecretLength = 4096;
/** Keys whose secret may consist of several words. */
const manyWords = / (?:passphrase|connection string|cookie) $/;
const names = /pass|pwd|secret|token|key|credential/i;

/** A leaf under a key such as `password` is a secret as a whole. */
function* scanByKey(text: string, { keyWords }: Surroundings): Iterable<Finding> {
  if (keyWords === noKey || text.length > maxSecretLength || !isSecretKey(keyWords)) return;
  if (isSecretUnder(keyWords, text.trim())) yield { start: 0, end: text.length };
}

function isSecretUnder(keyWords: string, value: string): boolean {
  if (isPlaceholder(value)) return false;
  const words = value.split(/\s+/).length;
  if (words > 1 && manyWords.test(keyWords)) return true;
  return isStrongSecretKey(keyWords) ? words === 1 : words <= 2 && looksRandom(value);
}

function refineAssigned({ text, start, end }: Candidate): Finding | undefined {
  const value = text.slice(start, end).replace(/[.,;:?)\]}]{1,4}$/, '');
  return !isPlaceholder(value) && looksRandom(value)
    ? { start, end: start + value.length }
    : undefined;
}

function refinePassword({ text, start, end }: Candidate): Finding | undefined {
  const password = text.slice(start, end);
  return isPlaceholder(password) ? undefined : { start, end };
}

/** Whole values under a telling JSON key. */
export const secretByKey: Detector = {
  type: 'GENERIC_SECRET',
  score: 0.6,
  scan: scanByKey,
  vectors: { match: [], noMatch: ['hunter2', 'Xk29fjQpL0'] },
};

/** `password=…`, `"api_key": "…"`, `the token is …`. */
export const assignedSecret: Detector = {
  type: 'GENERIC_SECRET',
  score: 0.6,
  hint: names,
  pattern:
    /(?:pass(?:word|wd|phrase|code)|(?:\b|[_.-])pass|pwd|secret|token|credentials?|(?:api|access|private|secret|auth|account|signing|encryption|master|shared|client|storage|subscription)[_ -]?key)(?:[_ -]?(?:key|value|token|access[_ -]?key))?s?["'\]]{0,2}[ \t]{0,4}(?::=|=>|=|:|[ \t](?:is|was)[ \t:])[ \t]{0,4}["'`]?([^\s"'`<>]{6,300})/dgi,
  refine: refineAssigned,
  vectors: {
    match: [
      'DB_PASSWORD=«hunter2x!»',
      '{"apiKey": "«Zx81kQp0Lm»"}',
      'your password is «Tr0ub4dor».',
      'client_secret: «9f8e7d6c5b4a»',
      "token => '«abc123def456»'",
    ],
    noMatch: [
      'password: string',
      'token = getToken(request)',
      'password=${DB_PASSWORD}',
      'password=changeme',
      'secret: process.env.SECRET1',
      'token: accessToken',
      'password: ********',
      'key = value1',
    ],
  },
};

/** What follows an authentication scheme in a header. */
export const bearer: Detector = {
  type: 'GENERIC_SECRET',
  score: 0.6,
  hint: /bearer|basic|apikey/i,
  needs: { longestRun: 12 },
  pattern: /\b(?:bearer|basic|apikey)[ ]{1,3}([A-Za-z0-9._~+/=-]{12,1000})/dgi,
  refine: refineAssigned,
  vectors: {
    match: ['Authorization: Bearer «9f8e7d6c5b4a39281706»', 'Basic «YWRhOmh1bnRlcjI=»'],
    noMatch: ['bearer authentication', 'basic understanding', 'a bearer token-protected thing'],
  },
};

/** The password in a URL; user and host stay. */
export const basicAuthUrl: Detector = {
  type: 'BASIC_AUTH_URL',
  score: 0.9,
  needs: { ats: 1 },
  literals: ['://'],
  pattern: /[a-z][a-z0-9+.-]{0,20}:\/\/[^\s/:@"'<>]{0,128}:([^\s/"'<>]{1,256})@/dgi,
  refine: refinePassword,
  vectors: {
    match: ['postgres://app:«s3cr3t»@db.internal/x', 'https://u:«p@ss»@host.example'],
    noMatch: [
      'https://host.example:8080/a@b',
      'postgres://app:${PASSWORD}@db',
      'https://user@host.example',
    ],
  },
};
