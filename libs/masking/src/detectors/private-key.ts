import type { Detector, Finding } from './detector.js';

const begin = '-----BEGIN ';
const maxLabelLength = 64;

/** Finds PEM and PGP blocks by position, because a pattern for "up to the end line" is not bounded. */
function* scanPrivateKeys(text: string): Iterable<Finding> {
  let at = text.indexOf(begin);
  while (at >= 0) {
    const from = at + begin.length;
    const labelEnd = text.indexOf('-----', from);
    const label = labelEnd < 0 ? '' : text.slice(from, Math.min(labelEnd, from + maxLabelLength));
    let next = from;
    if (label.includes('PRIVATE KEY')) {
      next = blockEnd(text, label, labelEnd);
      yield { start: at, end: next };
    }
    at = text.indexOf(begin, next);
  }
}

/** A block that does not end hides all the rest, since nobody can say where the key stops. */
function blockEnd(text: string, label: string, from: number): number {
  const endLine = `-----END ${label}-----`;
  const at = text.indexOf(endLine, from);
  return at < 0 ? text.length : at + endLine.length;
}

/** Private keys in PEM, OpenSSH and PGP armour. */
export const privateKey: Detector = {
  type: 'PRIVATE_KEY',
  score: 1,
  literals: [begin],
  scan: scanPrivateKeys,
  vectors: {
    match: [
      'key «-----BEGIN PRIVATE KEY-----\nMIIBVgIBADANBg\n-----END PRIVATE KEY-----» end',
      '«-----BEGIN RSA PRIVATE KEY-----\nMIIBVgIBADANBg cut off',
    ].map((each) => (each.includes('»') ? each : `${each}»`)),
    noMatch: [
      '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----',
      '-----BEGIN PUBLIC KEY-----',
    ],
  },
};
