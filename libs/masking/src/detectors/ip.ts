import {
  isDigitAt,
  isWordAt,
  type Candidate,
  type Detector,
  type Finding,
  type Span,
} from './detector.js';

const versionWords =
  /(?:^|[^a-z])(?:ver|version|versions|release|build|rev|revision|section|chapter|firmware|driver)[^a-z0-9]{0,6}$|[§#][\s]?$/i;

function refineIpv4({ text, start, end, surroundings }: Candidate): Finding | undefined {
  const value = text.slice(start, end);
  if (isPartOfLonger(text, { start, end }) || !isIpv4(value) || isLocal(value)) return undefined;
  return isVersion(text, { start, end }, surroundings.keyWords) ? undefined : { start, end };
}

function isPartOfLonger(text: string, { start, end }: Span): boolean {
  if (isWordAt(text, start - 1) || text.charAt(start - 1) === '.') return true;
  return isWordAt(text, end) || (text.charAt(end) === '.' && isDigitAt(text, end + 1));
}

/** Four numbers are no address behind `version`, behind a range operator of a package list, or before `-beta`. */
function isVersion(text: string, { start, end }: Span, keyWords: string): boolean {
  return (
    /(?:[~^]|[=<>!~]=)$/.test(text.slice(Math.max(0, start - 2), start)) ||
    /^-[a-z]/i.test(text.slice(end, end + 2)) ||
    versionWords.test(text.slice(Math.max(0, start - 20), start)) ||
    (start === 0 && versionWords.test(keyWords.trimEnd()))
  );
}

function isIpv4(value: string): boolean {
  const octets = value.split('.');
  return (
    octets.length === 4 &&
    octets.every((octet) => /^(?:0|[1-9]\d{0,2})$/.test(octet) && Number(octet) < 256)
  );
}

/** Loopback, unspecified and network masks name no machine. */
function isLocal(value: string): boolean {
  return value.startsWith('127.') || value === '0.0.0.0' || value.startsWith('255.255.');
}

function refineIpv6({ text, start, end }: Candidate): Finding | undefined {
  const value = text.slice(start, end);
  const around = text.charAt(start - 1) + text.charAt(end);
  if (isWordAt(text, start - 1) || isWordAt(text, end) || around.includes(':')) return undefined;
  return isIpv6(value) && !/^(?:0{0,4}:){2,7}0{0,3}[01]?$/.test(value) ? { start, end } : undefined;
}

function isIpv6(value: string): boolean {
  const halves = value.split('::');
  if (halves.length > 2) return false;
  const last = value.slice(value.lastIndexOf(':') + 1);
  if (last.includes('.') && (!isIpv4(last) || isLocal(last))) return false;
  const groups = halves.flatMap((half) => (half === '' ? [] : half.split(':')));
  if (groups.some((group) => group === '')) return false;
  const count = groups.length + (last.includes('.') ? 1 : 0);
  // `::` stands for at least one group; without a digit it is more likely a name in a program.
  return halves.length === 2 ? count < 8 && count > 1 && /\d/.test(value) : count === 8;
}

/** Addresses of machines, version 4. */
export const ipv4: Detector = {
  type: 'IP_ADDRESS',
  score: 0.8,
  needs: { stretch: 4 },
  pattern: /\d{1,3}(?:\.\d{1,3}){3}/g,
  refine: refineIpv4,
  vectors: {
    match: ['from «192.0.2.17»:443', 'ip=«198.51.100.7».', 'net «10.1.0.0»/16'],
    noMatch: [
      '127.0.0.1',
      '0.0.0.0',
      'version 1.2.3.4',
      'v1.2.3.4',
      '"version": "10.2.3.4"',
      'pkg==1.2.3.4',
      '1.2.3.4.5',
      '300.1.2.3',
      '1.2.3.4-beta',
    ],
  },
};

/** Addresses of machines, version 6. */
export const ipv6: Detector = {
  type: 'IP_ADDRESS',
  score: 0.8,
  needs: { colons: 2 },
  pattern: /[0-9A-F]{0,4}(?::[0-9A-F]{0,4}){2,7}(?:\.\d{1,3}){0,3}/gi,
  refine: refineIpv6,
  vectors: {
    match: ['at «2001:db8::8a2e:370:7334»', '[«2001:db8:0:1:1:1:1:1»]:80', '«::ffff:192.0.2.1»'],
    noMatch: [
      '::1',
      '::',
      '12:30:45',
      'std::vector',
      '00:1a:2b:3c:4d:5e',
      'fe::fa',
      '::ffff:127.0.0.1',
    ],
  },
};
