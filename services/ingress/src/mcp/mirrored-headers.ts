import type { IncomingHttpHeaders } from 'node:http';
import { Refusal } from '../gate/refusal.js';
import { isModern, modernVersion } from './era.js';
import { type Message, objectAt } from './message.js';
import type { Operation } from './operation.js';

const versionPattern = /^\d{4}-\d{2}-\d{2}$/;
const plainValue = /^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/;
const encodedValue = /^=\?base64\?(?<encoded>[A-Za-z0-9+/]*={0,2})\?=$/;

/**
 * Checks the protocol headers of a request. In the stateless era they repeat the body, so they must agree
 * with it: decided is on the body.
 * @throws Refusal when header and body differ.
 */
export function checkMirrored(
  headers: IncomingHttpHeaders,
  message: Message | undefined,
  operation: Operation,
): void {
  const version = headers['mcp-protocol-version'];
  if (typeof version === 'string' && !versionPattern.test(version)) {
    throw mismatch('MCP-Protocol-Version is no version.');
  }
  if (isModern(message) !== (version === modernVersion)) {
    throw mismatch('MCP-Protocol-Version does not agree with the body.');
  }
  if (version !== modernVersion) return;
  if (headers['mcp-method'] !== methodOf(message, operation)) {
    throw mismatch('Mcp-Method is missing or does not agree with the body.');
  }
  const name = headers['mcp-name'];
  const claimed = typeof name === 'string' ? decoded(name) : '';
  if (claimed !== nameOf(message, operation)) {
    throw mismatch('Mcp-Name is missing or does not agree with the body.');
  }
}

/**
 * The protocol headers that go upstream with a message: those that repeat it are written anew, and in the
 * older era dropped. Mirrored parameters (`Mcp-Param-*`) are not passed on: nothing has compared them
 * with the arguments.
 */
export function upstreamHeaders(
  version: string | undefined,
  message: Message | undefined,
  operation: Operation,
): Record<string, string> {
  if (version === undefined) return {};
  if (version !== modernVersion) return { 'mcp-protocol-version': version };
  const name = nameOf(message, operation);
  return {
    'mcp-protocol-version': version,
    'mcp-method': methodOf(message, operation),
    ...(name === '' ? {} : { 'mcp-name': encoded(name) }),
  };
}

function methodOf(message: Message | undefined, operation: Operation): string {
  return message === undefined || message.kind === 'response' ? operation.method : message.method;
}

/** Of a question after a task, its id (ext-tasks 2026-07-28, routing headers); of any other, what it is about. */
function nameOf(message: Message | undefined, operation: Operation): string {
  if (message?.kind !== 'request' || !/^tasks\/(get|update|cancel)$/.test(message.method)) {
    return operation.resource;
  }
  const { taskId } = objectAt(message.body, 'params');
  return typeof taskId === 'string' ? taskId : '';
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
