import type { IncomingHttpHeaders } from 'node:http';
import { Refusal } from '../gate/refusal.js';
import { isModern, modernVersion } from './era.js';
import type { Message } from './message.js';
import type { Operation } from './operation.js';

const encodedValue = /^=\?base64\?(?<encoded>[A-Za-z0-9+/]*={0,2})\?=$/;

/**
 * The protocol headers that go upstream. In the stateless era they repeat the body, so they must agree
 * with it (decided is on the body) and are written anew; in the older era the repeated ones are dropped.
 * @throws Refusal when header and body differ.
 */
export function upstreamHeaders(
  headers: IncomingHttpHeaders,
  message: Message | undefined,
  operation: Operation,
): Record<string, string> {
  const version = headers['mcp-protocol-version'];
  const passed: Record<string, string> = {};
  if (typeof version === 'string') passed['mcp-protocol-version'] = version;
  const lastEventId = headers['last-event-id'];
  if (typeof lastEventId === 'string') passed['last-event-id'] = lastEventId;
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
  const parameters = Object.entries(headers).filter(([each]) => each.startsWith('mcp-param-'));
  return {
    'mcp-method': operation.method,
    ...(typeof name === 'string' ? { 'mcp-name': name } : {}),
    ...Object.fromEntries(parameters.map(([each, value]) => [each, String(value)])),
  };
}

/** Values outside visible ASCII come as `=?base64?…?=` (MCP 2026-07-28, header encoding). */
function decoded(value: string): string {
  const encoded = encodedValue.exec(value)?.groups?.['encoded'];
  return encoded === undefined ? value : Buffer.from(encoded, 'base64').toString('utf8');
}

function mismatch(message: string): Refusal {
  return new Refusal('REQUEST_HEADERS_REFUSED', 'intake', message);
}
