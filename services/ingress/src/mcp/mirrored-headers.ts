import type { IncomingHttpHeaders } from 'node:http';
import { Refusal } from '../gate/refusal.js';
import { isModern, modernVersion } from './era.js';
import type { Message } from './message.js';
import type { Operation } from './operation.js';

const versionPattern = /^\d{4}-\d{2}-\d{2}$/;
const plainValue = /^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/;
const encodedValue = /^=\?base64\?(?<encoded>[A-Za-z0-9+/]*={0,2})\?=$/;

/**
 * The protocol headers that go upstream. In the stateless era they repeat the body, so they must agree
 * with it (decided is on the body) and are written anew; in the older era the repeated ones are dropped.
 * Mirrored parameters (`Mcp-Param-*`) are not passed on: nothing has compared them with the arguments.
 * @throws Refusal when header and body differ.
 */
export function upstreamHeaders(
  headers: IncomingHttpHeaders,
  message: Message | undefined,
  operation: Operation,
): Record<string, string> {
  const version = headers['mcp-protocol-version'];
  const passed: Record<string, string> = {};
  if (typeof version === 'string') {
    if (!versionPattern.test(version)) throw mismatch('MCP-Protocol-Version is no version.');
    passed['mcp-protocol-version'] = version;
  }
  if (isModern(message) !== (version === modernVersion)) {
    throw mismatch('MCP-Protocol-Version does not agree with the body.');
  }
  if (version !== modernVersion) return passed;
  return { ...passed, ...modernHeaders(headers, operation) };
}

function modernHeaders(headers: IncomingHttpHeaders, operation: Operation): Record<string, string> {
  if (headers['mcp-method'] !== operation.method) {
    throw mismatch('Mcp-Method is missing or does not agree with the body.');
  }
  const name = headers['mcp-name'];
  const claimed = typeof name === 'string' ? decoded(name) : '';
  if (claimed !== operation.resource) {
    throw mismatch('Mcp-Name is missing or does not agree with the body.');
  }
  return {
    'mcp-method': operation.method,
    ...(operation.resource === '' ? {} : { 'mcp-name': encoded(operation.resource) }),
  };
}

function encoded(value: string): string {
  const isPlain = plainValue.test(value) && !encodedValue.test(value);
  return isPlain ? value : `=?base64?${Buffer.from(value, 'utf8').toString('base64')}?=`;
}

/** Values outside visible ASCII come as `=?base64?…?=` (MCP 2026-07-28, header encoding). */
function decoded(value: string): string {
  const inner = encodedValue.exec(value)?.groups?.['encoded'];
  return inner === undefined ? value : Buffer.from(inner, 'base64').toString('utf8');
}

function mismatch(message: string): Refusal {
  return new Refusal('REQUEST_HEADERS_REFUSED', 'intake', message);
}
