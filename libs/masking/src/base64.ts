/** Shorter runs are words and ids. */
export const minEncodedLength = 24;
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** A run of base64 or base64url in a text. */
export interface EncodedPiece {
  readonly start: number;
  readonly end: number;
  readonly decoded: string;
}

/** True for complete base64 with padding, the empty string included. */
export function isBase64(text: string): boolean {
  return text.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(text);
}

/** The UTF-8 text that base64 stands for, or undefined if it stands for something else. */
export function decodeText(base64: string): string | undefined {
  try {
    return decoder.decode(Buffer.from(base64, 'base64'));
  } catch {
    return undefined;
  }
}

/** True for text that people or programs write: no control characters but tab and line ends. */
export function isPrintable(text: string): boolean {
  // eslint-disable-next-line no-control-regex -- control characters are what is looked for
  return text.length > 0 && !/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f\ufffd]/.test(text);
}

/** The readable pieces of base64 in a text; also a text that is base64 as a whole, in lines. */
export function findEncoded(text: string): readonly EncodedPiece[] {
  const joined = text.replaceAll(/[\r\n]/g, '');
  if (joined.length !== text.length && joined.length >= minEncodedLength && isBase64(joined)) {
    const decoded = readable(joined);
    if (decoded !== undefined) return [{ start: 0, end: text.length, decoded }];
  }
  const pieces: EncodedPiece[] = [];
  for (const match of text.matchAll(/[A-Za-z0-9+/_-]{24,}={0,2}/g)) {
    const decoded = readable(match[0]);
    if (decoded !== undefined) {
      pieces.push({ start: match.index, end: match.index + match[0].length, decoded });
    }
  }
  return pieces;
}

function readable(base64: string): string | undefined {
  // The first bytes tell binary data and ordinary words from text without decoding all of it.
  const head = Buffer.from(base64.slice(0, 32), 'base64').toString('utf8').slice(0, -3);
  if (!isPrintable(head)) return undefined;
  const decoded = decodeText(base64);
  return decoded !== undefined && isPrintable(decoded) ? decoded : undefined;
}
