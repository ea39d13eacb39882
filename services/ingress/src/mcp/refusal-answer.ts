import type { Refusal, RefusalCode } from '../gate/refusal.js';
import { isModern, modernVersion, tasksExtension, versionOf } from './era.js';
import { type JsonObject, type Message, objectAt } from './message.js';
import { clientMethod } from './methods.js';

/** An HTTP answer that refuses. */
export interface RefusalAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: JsonObject;
}

interface Answer {
  /** JSON-RPC code; those of the product lie outside the range that JSON-RPC reserves. */
  readonly rpc: number;
  /** HTTP status where the request was no request that could be answered inside the protocol. */
  readonly http: number;
  /** True where the status stands even for a request with an id: the transport itself is refused. */
  readonly isTransport?: true;
}

const answers = {
  REQUEST_UNREADABLE: { rpc: -32_700, http: 400, isTransport: true },
  REQUEST_NOT_ONE_MESSAGE: { rpc: -32_600, http: 400, isTransport: true },
  PARAMS_REFUSED: { rpc: -32_602, http: 400, isTransport: true },
  REQUEST_TOO_LARGE: { rpc: -32_600, http: 413, isTransport: true },
  REQUEST_HEADERS_REFUSED: { rpc: -32_020, http: 400, isTransport: true },
  VERSION_UNSUPPORTED: { rpc: -32_022, http: 400, isTransport: true },
  VERB_REFUSED: { rpc: -32_600, http: 405, isTransport: true },
  ORIGIN_REFUSED: { rpc: -32_600, http: 403, isTransport: true },
  MEDIA_TYPE_REFUSED: { rpc: -32_600, http: 415, isTransport: true },
  IDENTITY_REFUSED: { rpc: 4010, http: 401, isTransport: true },
  IDENTITY_UNAVAILABLE: { rpc: 5030, http: 503, isTransport: true },
  METHOD_UNKNOWN: { rpc: -32_601, http: 404 },
  SERVER_UNKNOWN: { rpc: 4040, http: 404, isTransport: true },
  SESSION_UNKNOWN: { rpc: -32_001, http: 404, isTransport: true },
  CONTINUATION_UNKNOWN: { rpc: -32_602, http: 400 },
  CAPABILITY_MISSING: { rpc: -32_021, http: 400, isTransport: true },
  OVERLOADED: { rpc: 5031, http: 503, isTransport: true },
  RATE_LIMITED: { rpc: 4290, http: 429, isTransport: true },
  RECORD_UNAVAILABLE: { rpc: 5032, http: 503 },
  VERDICT_TIMEOUT: { rpc: 5033, http: 503 },
  VERDICT_INVALID: { rpc: 5034, http: 503 },
  DENIED: { rpc: 4030, http: 403 },
  APPROVAL_PENDING: { rpc: 4031, http: 403 },
  APPROVAL_REFUSED: { rpc: 4032, http: 403 },
  APPROVAL_EXPIRED: { rpc: 4033, http: 403 },
  APPROVAL_STALE: { rpc: 4034, http: 403 },
  GRANT_ENDED: { rpc: 4035, http: 403 },
  APPROVAL_INVALID: { rpc: 5035, http: 503 },
  APPROVAL_TIMEOUT: { rpc: 5036, http: 503 },
  CANCELLED: { rpc: 4990, http: 499 },
  UPSTREAM_UNAVAILABLE: { rpc: 5020, http: 502 },
  UPSTREAM_TIMEOUT: { rpc: 5040, http: 504 },
  UPSTREAM_UNREADABLE: { rpc: 5021, http: 502 },
  ANSWER_TOO_LARGE: { rpc: 5022, http: 502 },
  ANSWER_WITHHELD: { rpc: 5023, http: 502 },
} as const satisfies Record<RefusalCode, Answer>;

/** Refusals that tell a model why its tool did not run, rather than break the protocol. */
const toldAsToolResult: ReadonlySet<RefusalCode> = new Set([
  'DENIED',
  'APPROVAL_PENDING',
  'APPROVAL_REFUSED',
  'APPROVAL_EXPIRED',
  'APPROVAL_STALE',
  'GRANT_ENDED',
]);

/** What a refusal is told with. */
export interface Telling {
  readonly callId: string;
  /** The page of an approval. */
  readonly approvalPage?: (approvalId: string) => string;
}

/** How a refusal is told to an MCP client. `message` is what it sent, if that could be read. */
export function refusalAnswer(
  refusal: Refusal,
  telling: Telling,
  message: Message | undefined,
): RefusalAnswer {
  const answer: Answer = answers[refusal.code];
  const isRequest = message?.kind === 'request';
  const isUnknown = isUnknownMethod(refusal, message) && isModern(message);
  const status = isRequest && answer.isTransport !== true ? (isUnknown ? 404 : 200) : answer.http;
  return {
    status,
    headers: headersOf(status, refusal),
    body: refusalMessage(refusal, telling, message),
  };
}

function headersOf(status: number, { retryAfterMs }: Refusal): Record<string, string> {
  if (status === 405) return { allow: 'POST' };
  if (status !== 503 && status !== 429) return {};
  return { 'retry-after': String(Math.ceil((retryAfterMs ?? 2000) / 1000)) };
}

/** Blocked as a whole: told like a method that the server does not know (MCP 2026-07-28: HTTP 404). */
function isUnknownMethod({ code, hidden }: Refusal, message: Message | undefined): boolean {
  if (code === 'METHOD_UNKNOWN') return message?.kind === 'request';
  if (!hidden || message?.kind !== 'request') return false;
  return clientMethod(message.method, isModern(message) ? 'modern' : 'legacy') === undefined;
}

/** The JSON-RPC message that refuses: an error, or a tool result that says so. */
export function refusalMessage(
  refusal: Refusal,
  telling: Telling,
  message: Message | undefined,
): JsonObject {
  const id = message?.kind === 'request' ? message.id : null;
  const method = message?.kind === 'request' ? message.method : '';
  if (isUnknownMethod(refusal, message)) {
    return { jsonrpc: '2.0', id, error: { code: -32_601, message: `Method not found: ${method}` } };
  }
  if (refusal.hidden && nameOf(message) !== '') {
    return { jsonrpc: '2.0', id, error: unknownResource(method, message) };
  }
  const data = facts(refusal, telling, message);
  if (method === 'tools/call' && toldAsToolResult.has(refusal.code)) {
    return { jsonrpc: '2.0', id, result: toolResult(refusal, data, message) };
  }
  return {
    jsonrpc: '2.0',
    id,
    error: { code: answers[refusal.code].rpc, message: refusal.message, data },
  };
}

function toolResult(refusal: Refusal, data: JsonObject, message: Message | undefined): JsonObject {
  return {
    ...(isModern(message) ? { resultType: 'complete' } : {}),
    isError: true,
    content: [{ type: 'text', text: `${refusal.message}${adviceOf(refusal, data)}` }],
    _meta: { 'countersign/refusal': data },
  };
}

function adviceOf({ code, approvalId, retryAfterMs }: Refusal, { url }: JsonObject): string {
  if (code !== 'APPROVAL_PENDING') return '';
  const seconds = Math.ceil((retryAfterMs ?? 0) / 1000);
  const status = typeof url === 'string' ? ` Its state: ${url}` : '';
  return ` Approval ${approvalId ?? ''} is pending: call the same tool with the same arguments again after ${seconds} s to join it.${status}`;
}

function facts(
  refusal: Refusal,
  { approvalPage, callId }: Telling,
  message: Message | undefined,
): JsonObject {
  const { approvalId, code, executed, retryAfterMs } = refusal;
  return {
    code,
    callId,
    executed,
    ...(approvalId === undefined ? {} : { approvalId }),
    ...(approvalId === undefined || approvalPage === undefined
      ? {}
      : { url: approvalPage(approvalId) }),
    ...(code === 'APPROVAL_PENDING' ? { state: 'pending' } : {}),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    ...(code === 'CAPABILITY_MISSING'
      ? { requiredCapabilities: { extensions: { [tasksExtension]: {} } } }
      : {}),
    ...(code === 'VERSION_UNSUPPORTED'
      ? { supported: [modernVersion], requested: versionOf(message) ?? '' }
      : {}),
  };
}

/** The same words for a resource that is hidden and one that does not exist. */
function unknownResource(method: string, message: Message | undefined): JsonObject {
  const name = nameOf(message);
  if (method === 'tools/call') return { code: -32_602, message: `Unknown tool: ${name}` };
  if (method === 'prompts/get') return { code: -32_602, message: `Unknown prompt: ${name}` };
  const code = isModern(message) ? -32_602 : -32_002;
  return { code, message: `Resource not found: ${name}` };
}

/** The tool, prompt or resource that is named; empty for a method of the server as a whole. */
function nameOf(message: Message | undefined): string {
  const params = message === undefined ? {} : objectAt(message.body, 'params');
  const ref = objectAt(params, 'ref');
  const named = params['name'] ?? params['uri'] ?? ref['name'] ?? ref['uri'];
  return typeof named === 'string' ? named : '';
}
