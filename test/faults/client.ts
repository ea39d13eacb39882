import { Agent, request } from 'node:http';
import { z } from 'zod';
import type { ClientCall, Outcome } from './history.js';

/** Where and as whom calls are made. */
export interface Caller {
  /** `http://gateway/mcp/server`. */
  readonly url: string;
  readonly token: string;
}

const refusalName = 'countersign/refusal';
const factsSchema = z.looseObject({ code: z.string(), executed: z.string() });
const refusalSchema = z.union([
  z
    .looseObject({ error: z.looseObject({ data: factsSchema }) })
    .transform(({ error }) => error.data),
  z
    .looseObject({
      result: z.looseObject({ _meta: z.looseObject({ [refusalName]: factsSchema }) }),
    })
    .transform(({ result: { _meta: meta } }) => meta[refusalName]),
]);
const answerSchema = z.looseObject({ result: z.looseObject({}) });

/** Longer than any deadline of the gateway: an answer after it does not exist for the client. */
const patienceMs = 60_000;
const agent = new Agent({ keepAlive: true });

/** Calls a tool once, never again by itself, and notes how that ended. Never rejects. */
export async function callTool(
  caller: Caller,
  tool: string,
  asked: Readonly<Record<string, unknown>> & { readonly nonce: string },
): Promise<ClientCall> {
  const startedMs = performance.now();
  const { nonce } = asked;
  const params = { name: tool, arguments: asked };
  const body = JSON.stringify({ jsonrpc: '2.0', id: nonce, method: 'tools/call', params });
  try {
    const text = await post(caller, body);
    return { nonce, text, ms: performance.now() - startedMs, outcome: outcomeOf(text) };
  } catch (error) {
    const outcome = { kind: 'lost' as const };
    return { nonce, text: String(error), ms: performance.now() - startedMs, outcome };
  }
}

function outcomeOf(text: string): Outcome {
  const parsed = jsonOf(text);
  const refusal = refusalSchema.safeParse(parsed);
  if (refusal.success) {
    return { kind: 'refused', code: refusal.data.code, executed: refusal.data.executed };
  }
  if (answerSchema.safeParse(parsed).success) return { kind: 'answered' };
  return { kind: 'refused', code: 'UNTYPED', executed: 'unknown' };
}

/** The message of the last event of a stream; nothing where there was none. */
function lastDataOf(stream: string): string {
  const line = stream.split('\n').findLast((each) => each.startsWith('data: '));
  return line?.slice('data: '.length) ?? '';
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

async function post({ url, token }: Caller, body: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const sent = request(url, {
      method: 'POST',
      agent,
      headers: {
        authorization: `Bearer ${token}`,
        accept: 'application/json, text/event-stream',
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(body),
      },
    });
    let heard = 'nothing';
    const timer = setTimeout(
      () => sent.destroy(new Error(`no end of the answer, heard ${heard}`)),
      patienceMs,
    );
    const end = (settle: () => void) => (): void => {
      clearTimeout(timer);
      settle();
    };
    sent.on('error', (error) => end(() => reject(error))());
    sent.on('response', (response) => {
      let text = '';
      heard = `status ${response.statusCode}`;
      response.setEncoding('utf8').on('data', (piece: string) => (text += piece));
      const isStream = response.headers['content-type'] === 'text/event-stream';
      response.on('end', () => end(() => resolve(isStream ? lastDataOf(text) : text))());
      response.on('error', (error) => end(() => reject(error))());
    });
    sent.end(body);
  });
}
