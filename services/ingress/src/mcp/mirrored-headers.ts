import type { IncomingHttpHeaders } from 'node:http';
import { Refusal } from '../gate/refusal.js';
import { modernVersion, versionOf } from './era.js';
import { type Message, objectAt } from './message.js';

const versionPattern = /^[\x21-\x7e]{1,64}$/;
const plainValue = /^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/;
const encodedValue =
  /^=\?base64\?(?<encoded>(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?)\?=$/;

/** Where a method names what it is about; any other has no `Mcp-Name` (MCP 2026-07-28, routing headers). */
const namedBy: ReadonlyMap<string, string> = new Map([
  ['tools/call', 'name'],
  ['prompts/get', 'name'],
  ['resources/read', 'uri'],
  ['tasks/get', 'taskId'],
  ['tasks/update', 'taskId'],
  ['tasks/cancel', 'taskId'],
]);

/**
 * Checks the protocol headers of a request. In the stateless era they repeat the body, so they must agree
 * with it: decided is on the body. A server of the older era alone does not know them, and its own answer
 * is what makes a client of both fall back: it is sent the message as it is.
 * @throws Refusal when header and body differ, or the version is none that is spoken here.
 */
export function checkMirrored(
  headers: IncomingHttpHeaders,
  message: Message | undefined,
  isLegacyServer: boolean,
): void {
  const version = headers['mcp-protocol-version'];
  if (typeof version === 'string' && !versionPattern.test(version)) {
    throw mismatch('MCP-Protocol-Version is no version.');
  }
  if (message === undefined) {
    if (version !== modernVersion) return;
    const words = 'In this version only POST is spoken.';
    throw new Refusal('VERB_REFUSED', 'intake', words);
  }
  if (isLegacyServer) return;
  checkVersion(version, message);
  if (version === modernVersion) checkRouting(headers, message);
}

function checkRouting(headers: IncomingHttpHeaders, message: Message): void {
  if (headers['mcp-method'] !== methodOf(message)) {
    throw mismatch('Mcp-Method is missing or does not agree with the body.');
  }
  const name = nameOf(message);
  if (name === undefined) return;
  const claimed = headers['mcp-name'];
  if (typeof claimed !== 'string' || decoded(claimed) !== name) {
    throw mismatch('Mcp-Name is missing or does not agree with the body.');
  }
}

function checkVersion(version: string | string[] | undefined, message: Message): void {
  const said = versionOf(message);
  // A body that names no version is judged as it is, whatever the header says; the server refuses it.
  if (said === undefined) return;
  if (said !== version) throw mismatch('MCP-Protocol-Version does not agree with the body.');
  if (said === modernVersion) return;
  const words = `The protocol version ${said} is not spoken here.`;
  throw new Refusal('VERSION_UNSUPPORTED', 'intake', words);
}

/**
 * The protocol headers that go upstream with a message: those that repeat it are written anew. Headers of
 * mirrored arguments go along in the stateless era alone; they are compared where the tool is known.
 */
export function upstreamHeaders(
  headers: IncomingHttpHeaders,
  message: Message | undefined,
): Record<string, string> {
  const version = headers['mcp-protocol-version'];
  if (typeof version !== 'string') return {};
  if (version !== modernVersion || message === undefined)
    return { 'mcp-protocol-version': version };
  const name = nameOf(message);
  return {
    'mcp-protocol-version': version,
    'mcp-method': methodOf(message) ?? '',
    ...(name === undefined ? {} : { 'mcp-name': encoded(name) }),
    ...paramHeaders(headers),
  };
}

/** The headers that mirror arguments of a tool (`Mcp-Param-*`), as they came. */
function paramHeaders(headers: IncomingHttpHeaders): Record<string, string> {
  const all = Object.entries(headers).filter(
    (each): each is [string, string] =>
      each[0].startsWith('mcp-param-') && typeof each[1] === 'string',
  );
  const isPlain = all.every(([, value]) => value === '' || plainValue.test(value));
  if (!isPlain) throw mismatch('An Mcp-Param header is not in visible ASCII.');
  return Object.fromEntries(all);
}

function methodOf(message: Message): string | undefined {
  return message.kind === 'response' ? undefined : message.method;
}

/** What `Mcp-Name` is to say; undefined where the method has none. */
function nameOf(message: Message): string | undefined {
  const member = message.kind === 'request' ? namedBy.get(message.method) : undefined;
  if (member === undefined) return undefined;
  const name = objectAt(message.body, 'params')[member];
  return typeof name === 'string' ? name : '';
}

function encoded(value: string): string {
  const isPlain = plainValue.test(value) && !encodedValue.test(value);
  return isPlain ? value : `=?base64?${Buffer.from(value, 'utf8').toString('base64')}?=`;
}

/** Values outside visible ASCII come as `=?base64?…?=` (MCP 2026-07-28, header encoding). */
export function decoded(value: string): string {
  const inner = encodedValue.exec(value)?.groups?.['encoded'];
  return inner === undefined ? value : Buffer.from(inner, 'base64').toString('utf8');
}

function mismatch(message: string): Refusal {
  return new Refusal('REQUEST_HEADERS_REFUSED', 'intake', message);
}
