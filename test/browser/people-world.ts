import { resolve } from 'node:path';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { z } from 'zod';
import { installBot } from '../../demo/demo-world.js';
import type { DemoIdentityName } from '../../demo/entra/identities.js';
import type { Execution } from '../../demo/orders/orders-server.js';
import type { StandInTeams } from '../../demo/teams/stand-in-teams.js';
import { eventually, rest, type RestAnswer } from '../stack/http.js';
import { connect } from '../stack/mcp.js';
import { stacks } from '../stack/stack.js';
import { startWorld } from '../stack/world.js';

/** A tool call as its caller makes it. */
export interface Asked {
  readonly tool: 'refund_order' | 'delete_customer';
  readonly arguments: Readonly<Record<string, unknown>>;
  /** Said to the gateway: why. */
  readonly justification?: string;
}

/** What the caller is told in the end. */
export interface Told {
  readonly isError: boolean;
  readonly text: string;
}

/** A gateway with people around it: callers, the approval page, Teams. */
export interface PeopleWorld {
  /** Of the approval page. */
  readonly origin: string;
  readonly signInUrl: string;
  readonly teams: StandInTeams;
  /** Makes a call through the gateway with an unmodified SDK client; resolves when the client has its answer. */
  call(who: DemoIdentityName, asked: Asked): Promise<Told>;
  /** The same on break-glass, said in headers, as clients say it that know nothing else. */
  breakGlass(
    who: DemoIdentityName,
    asked: Asked & { readonly justification: string },
  ): Promise<Told>;
  /** What the upstream really executed for this order or customer. */
  executed(id: string): readonly Execution[];
  /** Id of the approval that waits for this order or customer; waits until there is one. */
  waiting(id: string): Promise<string>;
  /** Calls the REST interface. */
  rest(who: DemoIdentityName, path: string, body?: unknown): Promise<RestAnswer>;
  close(): Promise<void>;
}

const approvalsSchema = z.object({
  approvals: z.array(z.object({ id: z.string(), maskedArguments: z.unknown() })),
});
const answerSchema = z.object({
  isError: z.boolean().default(false),
  content: z.array(z.object({ text: z.string() })),
});

/** Starts one: stand-ins, a whole gateway in this process, the bot added to its conversations. */
export async function startPeopleWorld(): Promise<PeopleWorld> {
  const world = await startWorld({ people: true, policies: resolve('test/browser/policies') });
  const { entra, orders, teams } = world;
  if (teams === undefined) throw new TypeError('a world with people has a stand-in for Teams');
  const stack = await stacks.standalone(world);
  await installBot(teams);
  const callers = new Map<DemoIdentityName, Promise<Client>>();
  const url = `${stack.gateway}/mcp/orders`;
  const connected = async (who: DemoIdentityName): Promise<Client> => {
    const client = await connect(url, await world.token(who));
    // As clients do; the gateway learns the definitions by it.
    await client.listTools();
    return client;
  };
  const caller = async (who: DemoIdentityName): Promise<Client> => {
    const made = callers.get(who) ?? connected(who);
    callers.set(who, made);
    return made;
  };
  const ask: PeopleWorld['rest'] = async (who, path, body) =>
    rest(
      `${stack.gateway}${path}`,
      await world.token(who),
      body === undefined ? {} : { method: 'POST', body },
    );
  return {
    origin: `http://localhost:${world.port}`,
    signInUrl: entra.signInUrl,
    teams,
    call: (who, { arguments: given, justification, tool }) => {
      const said = { 'countersign/justification': justification };
      const meta = justification === undefined ? {} : { _meta: said };
      const told = caller(who)
        .then(async (client) => client.callTool({ name: tool, arguments: given, ...meta }))
        .then(toldOf);
      // Whoever waits for it learns of a failure; a test that has failed before waits no more.
      told.catch(() => undefined);
      return told;
    },
    breakGlass: async (who, { arguments: given, justification, tool }) => {
      const client = await hurried(url, await world.token(who), justification);
      const told = toldOf(await client.callTool({ name: tool, arguments: given }));
      await client.close();
      return told;
    },
    executed: (id) =>
      orders.executions.filter((each) =>
        JSON.stringify(each.arguments).includes(JSON.stringify(id)),
      ),
    waiting: async (id) =>
      eventually(async () => {
        const { body } = await ask('approver', '/v1/approvals?status=pending');
        const found = approvalsSchema
          .parse(body)
          .approvals.find((each) => JSON.stringify(each.maskedArguments).includes(id));
        if (found === undefined) throw new Error(`nothing waits for ${id}`);
        return found.id;
      }),
    rest: ask,
    close: async () => {
      for (const client of callers.values()) await (await client).close();
      await stack.close();
      await world.close();
    },
  };
}

async function hurried(url: string, token: string, justification: string): Promise<Client> {
  const client = new Client({ name: 'journey', version: '1.0.0' });
  const headers = {
    authorization: `Bearer ${token}`,
    'Countersign-Break-Glass': 'true',
    'Countersign-Justification': encodeURIComponent(justification),
  };
  const requestInit = { headers };
  await client.connect(new StreamableHTTPClientTransport(new URL(url), { requestInit }));
  return client;
}

function toldOf(result: unknown): Told {
  const { content, isError } = answerSchema.parse(result);
  return { isError, text: content.map(({ text }) => text).join('\n') };
}
