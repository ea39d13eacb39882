import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { setTimeout as pause } from 'node:timers/promises';
import { z } from 'zod';
import { TourFailed } from './telling.js';

const resultSchema = z.looseObject({
  isError: z.boolean().optional(),
  content: z.array(z.looseObject({ type: z.string(), text: z.string().optional() })),
});
const approvalsSchema = z.object({
  approvals: z.array(z.looseObject({ id: z.string(), resource: z.string() })),
});
const callsSchema = z.object({
  calls: z.array(
    z.looseObject({ callId: z.string(), resource: z.string().nullable(), outcome: z.string() }),
  ),
});
const storySchema = z.object({
  events: z.array(
    z.object({
      event: z.looseObject({
        type: z.string(),
        time: z.string(),
        data: z.record(z.string(), z.unknown()),
      }),
    }),
  ),
});
export type StoryEvent = z.infer<typeof storySchema>['events'][number]['event'];

/** The gateway as its users see it: MCP for callers, REST for approvers and auditors. */
export class GatewayApi {
  constructor(private readonly url: string) {}

  /** Calls a tool as an unmodified SDK client does. */
  async callTool(token: string, name: string, input: Record<string, unknown>) {
    const client = new Client({ name: 'countersign-tour', version: '1.0.0' });
    const requestInit = { headers: { authorization: `Bearer ${token}` } };
    const address = new URL(`${this.url}/mcp/orders`);
    const transport = new StreamableHTTPClientTransport(address, { requestInit });
    await client.connect(transport);
    try {
      return resultSchema.parse(await client.callTool({ name, arguments: input }));
    } finally {
      await client.close();
    }
  }

  /** The open approval of a tool, once it is there. */
  async pendingApproval(token: string, tool: string): Promise<string> {
    return until(`an approval for ${tool}`, async () => {
      const { body } = await this.#rest(token, '/v1/approvals?status=pending');
      return approvalsSchema.parse(body).approvals.find((each) => each.resource === tool)?.id;
    });
  }

  /** Signs or refuses; returns the HTTP status. */
  async decide(token: string, approvalId: string, reason: string): Promise<number> {
    const { status } = await this.#rest(token, `/v1/approvals/${approvalId}/decision`, {
      decision: 'approve',
      reason,
    });
    return status;
  }

  /** The recorded story of the newest call of a tool since a time, once it has ended. */
  async story(token: string, tool: string, since: string): Promise<readonly StoryEvent[]> {
    const query = new URLSearchParams({ resource: tool, since });
    const callId = await until(`the record of ${tool}`, async () => {
      const { body } = await this.#rest(token, `/v1/calls?${query.toString()}`);
      return callsSchema.parse(body).calls.find((each) => each.outcome !== 'open')?.callId;
    });
    const { body } = await this.#rest(token, `/v1/calls/${callId}`);
    return storySchema.parse(body).events.map(({ event }) => event);
  }

  async #rest(
    token: string,
    path: string,
    body?: unknown,
  ): Promise<{ status: number; body: unknown }> {
    const response = await fetch(`${this.url}${path}`, {
      method: body === undefined ? 'GET' : 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: response.status, body: await response.json() };
  }
}

const patienceMs = 30_000;

async function until<T>(what: string, look: () => Promise<T | undefined>): Promise<T> {
  const end = Date.now() + patienceMs;
  while (Date.now() < end) {
    const found = await look();
    if (found !== undefined) return found;
    await pause(50);
  }
  throw new TourFailed(`${what} did not appear`);
}
