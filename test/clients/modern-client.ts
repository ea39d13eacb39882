import { z } from 'zod';

/** What a client of the stateless era says of itself in every request. */
export interface ModernClient {
  readonly url: string;
  readonly token: string;
  readonly name?: string;
  /** Whether it takes tasks for an answer. */
  readonly tasks?: boolean;
}

/** An answer as it came. */
export interface ModernAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly result: Record<string, unknown>;
  readonly error: { code: number; message: string; data?: unknown } | undefined;
}

/** What else a request carries. */
export interface Extras {
  readonly meta?: Readonly<Record<string, unknown>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

const answerSchema = z.object({
  result: z.record(z.string(), z.unknown()).optional(),
  error: z.looseObject({ code: z.number(), message: z.string() }).optional(),
});
const extension = 'io.modelcontextprotocol/tasks';
let lastId = 0;

/** One request of the stateless era over plain HTTP, with the headers that repeat its body. */
export async function ask(
  client: ModernClient,
  method: string,
  params: Readonly<Record<string, unknown>> = {},
  { headers = {}, meta = {}, signal }: Extras = {},
): Promise<ModernAnswer> {
  const capabilities = client.tasks === true ? { extensions: { [extension]: {} } } : {};
  const _meta = {
    'io.modelcontextprotocol/protocolVersion': '2026-07-28',
    'io.modelcontextprotocol/clientInfo': { name: client.name ?? 'raw', version: '1.0.0' },
    'io.modelcontextprotocol/clientCapabilities': capabilities,
    ...meta,
  };
  lastId += 1;
  const response = await fetch(client.url, {
    method: 'POST',
    headers: { ...headersOf(client, method, params), ...headers },
    body: JSON.stringify({ jsonrpc: '2.0', id: lastId, method, params: { ...params, _meta } }),
    ...(signal === undefined ? {} : { signal }),
  });
  const text = await response.text();
  const { error, result = {} } = answerSchema.parse(JSON.parse(lastMessage(text)));
  return { status: response.status, headers: response.headers, result, error };
}

function headersOf(
  { token }: ModernClient,
  method: string,
  params: Readonly<Record<string, unknown>>,
): Record<string, string> {
  const named = params['taskId'] ?? params['name'];
  return {
    authorization: `Bearer ${token}`,
    accept: 'application/json, text/event-stream',
    'content-type': 'application/json',
    'mcp-protocol-version': '2026-07-28',
    'mcp-method': method,
    ...(typeof named === 'string' ? { 'mcp-name': named } : {}),
  };
}

/** A body of JSON, or the last event of a stream. */
function lastMessage(text: string): string {
  if (!text.includes('data: ')) return text;
  return text.slice(text.lastIndexOf('data: ') + 'data: '.length).trim();
}
