import type { IncomingMessage } from 'node:http';
import { TeamsRefusal } from './teams-refusal.js';

/**
 * Reads a body as JSON; strictly UTF-8.
 * @throws TeamsRefusal `BODY_TOO_LARGE` as soon as that is known, `BODY_UNREADABLE`
 */
export async function jsonBody(request: IncomingMessage, maxBytes: number): Promise<unknown> {
  if (request.readableEnded) throw new TeamsRefusal('BODY_UNREADABLE', 'the body was read already');
  if (Number(request.headers['content-length'] ?? 0) > maxBytes) throw tooLarge(maxBytes);
  const bytes = await bodyBytes(request, maxBytes);
  try {
    return JSON.parse(new TextDecoder('utf8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new TeamsRefusal('BODY_UNREADABLE', 'the body is not JSON', { cause });
  }
}

/** Listens by hand: a loop over the stream would destroy it, and with it the answer, when it ends early. */
async function bodyBytes(request: IncomingMessage, maxBytes: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > maxBytes) reject(tooLarge(maxBytes));
      else chunks.push(chunk);
    });
    request.on('end', () => resolve(Buffer.concat(chunks)));
    const broken = (cause?: unknown): void => {
      reject(new TeamsRefusal('BODY_UNREADABLE', 'the body broke off', { cause }));
    };
    request.on('error', broken);
    request.on('close', broken);
  });
}

function tooLarge(maxBytes: number): TeamsRefusal {
  return new TeamsRefusal('BODY_TOO_LARGE', `more than ${maxBytes} bytes`);
}
