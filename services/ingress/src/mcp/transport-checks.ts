import type { IncomingMessage } from 'node:http';
import { Refusal } from '../gate/refusal.js';

/** Headers of which Node silently keeps the first, or joins several; more than one is refused. */
const singleHeaders =
  /^(host|authorization|content-type|content-length|origin|last-event-id|mcp-.*|countersign-.*)$/;
const maxHeaders = 100;

/** Where requests may come from. */
export interface AllowedPlaces {
  readonly hosts: ReadonlySet<string>;
  readonly origins: ReadonlySet<string>;
}

/** The hosts that a public URL stands for; a loopback name stands for all loopback names. */
export function hostsOf(publicUrl: string, more: readonly string[]): ReadonlySet<string> {
  const { host, hostname, port } = new URL(publicUrl);
  const isLoopback = ['localhost', '127.0.0.1', '[::1]'].includes(hostname);
  const suffix = port === '' ? '' : `:${port}`;
  const loopback = ['localhost', '127.0.0.1', '[::1]'].map((name) => `${name}${suffix}`);
  return new Set([host, ...(isLoopback ? loopback : []), ...more]);
}

/** Checks what HTTP itself leaves open, before anything is read. @throws Refusal of stage `intake`. */
export function checkTransport(request: IncomingMessage, allowed: AllowedPlaces): void {
  const names = request.rawHeaders
    .filter((_, index) => index % 2 === 0)
    .map((name) => name.toLowerCase());
  const single = names.filter((name) => singleHeaders.test(name));
  if (names.length > maxHeaders || new Set(single).size !== single.length) {
    throw refuse('REQUEST_HEADERS_REFUSED', 'A header is repeated, or there are too many.');
  }
  if (request.httpVersionMajor !== 1) {
    throw refuse('REQUEST_HEADERS_REFUSED', 'Only HTTP/1.1 is spoken.');
  }
  if (!(request.url ?? '').startsWith('/')) {
    throw refuse('REQUEST_HEADERS_REFUSED', 'The request target must be a path.');
  }
  if (!allowed.hosts.has(request.headers.host ?? '')) {
    throw refuse('ORIGIN_REFUSED', 'This Host is not served here.');
  }
  const { origin } = request.headers;
  if (origin !== undefined && !allowed.origins.has(origin)) {
    throw refuse('ORIGIN_REFUSED', 'This Origin may not call.');
  }
}

/** @throws Refusal unless the body is declared as JSON and nothing else. */
export function checkMediaType(request: IncomingMessage): void {
  const [mediaType, ...parameters] = (request.headers['content-type'] ?? '')
    .split(';')
    .map((each) => each.trim().toLowerCase());
  const isUtf8 = parameters.every((each) => each === 'charset=utf-8' || each === '');
  const isPlain = request.headers['content-encoding'] === undefined;
  if (mediaType !== 'application/json' || !isUtf8 || !isPlain) {
    throw refuse('MEDIA_TYPE_REFUSED', 'Send application/json in UTF-8, not encoded.');
  }
}

/**
 * Reads a body up to a limit. What lies beyond it is left to Node, which drains it behind the answer;
 * a request that the loop had destroyed would have no socket any more, and so no address to record.
 * @throws Refusal when it is larger or ends early.
 */
export async function readBody(request: IncomingMessage, maxBytes: number): Promise<Buffer> {
  const pieces: Buffer[] = [];
  let size = 0;
  const body: AsyncIterable<Buffer> = request.iterator({ destroyOnReturn: false });
  try {
    for await (const piece of body) {
      size += piece.length;
      if (size > maxBytes) {
        throw refuse('REQUEST_TOO_LARGE', `The body is larger than ${maxBytes} bytes.`);
      }
      pieces.push(piece);
    }
  } catch (error) {
    if (error instanceof Refusal) throw error;
    throw refuse('REQUEST_UNREADABLE', 'The body ended early.');
  }
  return Buffer.concat(pieces);
}

function refuse(code: ConstructorParameters<typeof Refusal>[0], message: string): Refusal {
  return new Refusal(code, 'intake', message);
}
