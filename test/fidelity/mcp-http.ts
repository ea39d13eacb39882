import { ReadableStream } from 'node:stream/web';
import { request } from 'undici';

/** Where a client calls, as whom, and in which session. */
export interface Caller {
  readonly url: string;
  readonly token: string;
  readonly session?: string | undefined;
  readonly headers?: Readonly<Record<string, string>>;
  /** The Host to name, where it is not the one of the URL. */
  readonly host?: string | undefined;
  readonly signal?: AbortSignal;
}

/** An event of a stream as it stands on the wire. */
export interface WireEvent {
  readonly id?: string;
  readonly retry?: string;
  readonly data: string;
}

/** Posts one message, or text that claims to be one. */
export async function post(caller: Caller, message: object | string): Promise<Response> {
  const body = typeof message === 'string' ? message : JSON.stringify(message);
  const headers = { ...headersOf(caller), 'content-type': 'application/json' };
  return answered(caller, { method: 'POST', headers, body });
}

/** Opens the server's own stream, or takes one up again after an event. */
export async function listen(caller: Caller, lastEventId?: string): Promise<Response> {
  const resumed = lastEventId === undefined ? {} : { 'last-event-id': lastEventId };
  return answered(caller, { method: 'GET', headers: { ...headersOf(caller), ...resumed } });
}

/** Ends a session. */
export async function end(caller: Caller): Promise<Response> {
  return answered(caller, { method: 'DELETE', headers: headersOf(caller) });
}

async function answered(
  { signal, url }: Caller,
  asked: { method: 'POST' | 'GET' | 'DELETE'; headers: Record<string, string>; body?: string },
): Promise<Response> {
  const { body, headers, statusCode } = await request(url, {
    ...asked,
    bodyTimeout: 0,
    ...(signal === undefined ? {} : { signal }),
  });
  body.on('error', () => undefined);
  const told = Object.entries(headers).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, String(value)] as [string, string]],
  );
  return new Response(ReadableStream.from(body), { status: statusCode, headers: told });
}

/** A request that names its version in header and body (2026-07-28). */
export async function postModern(
  caller: Caller,
  { id, method, params }: { readonly id: number; readonly method: string; readonly params: object },
  more: Readonly<Record<string, string>> = {},
): Promise<Response> {
  const _meta = {
    'io.modelcontextprotocol/protocolVersion': '2026-07-28',
    'io.modelcontextprotocol/clientCapabilities': {},
    ...('_meta' in params && typeof params._meta === 'object' ? params._meta : {}),
  };
  const headers = {
    ...caller.headers,
    'mcp-protocol-version': '2026-07-28',
    'mcp-method': method,
    ...more,
  };
  return post({ ...caller, headers }, { jsonrpc: '2.0', id, method, params: { ...params, _meta } });
}

/** The events of an answer, one by one, as they come. */
export async function* eventsIn(response: Response): AsyncGenerator<WireEvent> {
  let left = '';
  if (response.body === null) return;
  const decoder = new TextDecoder();
  for await (const piece of response.body) {
    const blocks = (left + decoder.decode(piece, { stream: true })).split('\n\n');
    left = blocks.pop() ?? '';
    for (const block of blocks) {
      const event = eventOf(block);
      if (event !== undefined) yield event;
    }
  }
}

/** All events of an answer that ends. */
export async function allEvents(response: Response): Promise<WireEvent[]> {
  const found: WireEvent[] = [];
  for await (const event of eventsIn(response)) found.push(event);
  return found;
}

function eventOf(block: string): WireEvent | undefined {
  const fields = new Map(
    block
      .split('\n')
      .filter((line) => !line.startsWith(':'))
      .map((line) => {
        const [name = '', ...value] = line.split(': ');
        return [name.replace(/:$/, ''), value.join(': ')];
      }),
  );
  const data = fields.get('data');
  if (data === undefined) return undefined;
  const [id, retry] = [fields.get('id'), fields.get('retry')];
  return { data, ...(id === undefined ? {} : { id }), ...(retry === undefined ? {} : { retry }) };
}

function headersOf({ headers, host, session, token }: Caller): Record<string, string> {
  return {
    authorization: `Bearer ${token}`,
    accept: 'application/json, text/event-stream',
    ...(host === undefined ? {} : { host }),
    ...(session === undefined ? {} : { 'mcp-session-id': session }),
    ...headers,
  };
}
