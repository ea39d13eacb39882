import { randomBytes } from 'node:crypto';
import {
  completable,
  createRequestStateCodec,
  fromJsonSchema,
  inputRequired,
  type InputRequiredResult,
  type InputRequests,
  type JSONObject,
  McpServer,
  ResourceTemplate,
  type ServerContext,
} from '@modelcontextprotocol/server';
import { z } from 'zod';
import { promptRound } from './asking-tools.js';
import { askingPrompt, completionsOf, prompts } from './prompts.js';
import { resources, template, templateContent } from './resources.js';
import {
  type Answers,
  askable,
  type AskingTool,
  type Client,
  type Content,
  isAnswer,
  type Round,
  text,
  type Words,
} from './tool.js';
import { askingTools, plainTools } from './tools.js';

/** Tells everybody who listens that a list has changed. */
export interface Changes {
  tools(): void;
  prompts(): void;
}

/** What a tool remembers while its client finds answers. */
const stateSchema = z.object({
  tool: z.string(),
  round: z.int(),
  answers: z.record(z.string(), z.record(z.string(), z.unknown())),
});
type State = z.infer<typeof stateSchema>;
const states = createRequestStateCodec<State>({ key: randomBytes(32) });

/** A server on the v2 SDK: for one session in the older era, for one request in the stateless one. */
export function newServerV2(changes: Changes, extensions?: Record<string, JSONObject>): McpServer {
  const server = new McpServer(
    { name: 'conformance-v2', version: '1.0.0' },
    {
      capabilities: {
        tools: { listChanged: true },
        prompts: { listChanged: true },
        resources: { listChanged: true, subscribe: true },
        completions: {},
        logging: {},
        ...(extensions && { extensions }),
      },
      requestState: { verify: async (state, context) => states.verify(state, context) },
    },
  );
  addTools(server, changes);
  addPrompts(server);
  addResources(server);
  return server;
}

function addTools(server: McpServer, changes: Changes): void {
  for (const tool of plainTools) {
    const { name, description, inputSchema } = tool;
    server.registerTool(
      name,
      { description, inputSchema: fromJsonSchema<Words>(inputSchema) },
      async (words, context) => ({
        content: [...(await tool.run(clientOf(context, changes), words))],
      }),
    );
  }
  for (const tool of askingTools) {
    const { name, description, inputSchema } = tool;
    server.registerTool(
      name,
      { description, inputSchema: fromJsonSchema<Words>(inputSchema) },
      async (words, context) => askOrAnswer(tool, words, context, server),
    );
  }
}

function clientOf({ http, mcpReq }: ServerContext, changes: Changes): Client {
  const progressToken = mcpReq._meta?.progressToken;
  return {
    log: async (data) => mcpReq.log('info', data),
    progress: async (progress, total) => {
      if (progressToken === undefined) return;
      const params = { progressToken, progress, total };
      await mcpReq.notify({ method: 'notifications/progress', params });
    },
    closeStream: () => http?.closeSSE?.(),
    toolsChanged: async () => changes.tools(),
    promptsChanged: async () => changes.prompts(),
  };
}

/** Asks what has not been answered yet; answers when everything has. */
async function askOrAnswer(
  tool: AskingTool,
  words: Words,
  context: ServerContext,
  server: McpServer,
): Promise<InputRequiredResult | { content: Content[] }> {
  const state = stateOf(tool, context);
  const rounds = tool.rounds(words).map((round) => {
    return tool.asksOnlyDeclared
      ? askable(round, server.server.getClientCapabilities() ?? {})
      : round;
  });
  const round = rounds[state.round] ?? {};
  const given = answersTo(round, context);
  if (given === undefined) return ask(tool, round, state);
  const answers = { ...state.answers, ...given };
  const next = rounds[state.round + 1];
  if (next === undefined) return { content: [text(tool.answer(answers))] };
  return ask(tool, next, { ...state, round: state.round + 1, answers });
}

/** @throws Error when the state is that of another tool */
function stateOf({ keepsState, name }: AskingTool, { mcpReq }: ServerContext): State {
  const fresh = { tool: name, round: 0, answers: {} };
  const state = keepsState ? mcpReq.requestState<State>() : undefined;
  if (state !== undefined && state.tool !== name) throw new Error('The state is not of this tool.');
  return state ?? fresh;
}

/** The answers to a round, when all are there. */
function answersTo(round: Round, { mcpReq }: ServerContext): Answers | undefined {
  const given = mcpReq.inputResponses ?? {};
  const isComplete = Object.entries(round).every(([key, each]) => isAnswer(each, given[key]));
  if (!isComplete) return undefined;
  return z
    .record(z.string(), z.record(z.string(), z.unknown()))
    .parse(Object.fromEntries(Object.keys(round).map((key) => [key, given[key]])));
}

async function ask(
  { keepsState }: Pick<AskingTool, 'keepsState'>,
  round: Round,
  state: State,
): Promise<InputRequiredResult> {
  return inputRequired({
    inputRequests: requestsOf(round),
    ...(keepsState ? { requestState: await states.mint(state) } : {}),
  });
}

function requestsOf(round: Round): InputRequests {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a fixture
  return round as InputRequests;
}

function addPrompts(server: McpServer): void {
  const messages = (contents: readonly Content[]) => ({
    messages: contents.map((content) => ({ role: 'user' as const, content })),
  });
  for (const { name, description, arguments: described, messages: contents } of prompts) {
    const fields = Object.entries(described).map(([argument, words]) => {
      return [argument, completable(z.string().describe(words), completionsOf)] as const;
    });
    if (fields.length === 0) {
      server.registerPrompt(name, { description }, () => messages(contents({})));
    } else {
      const argsSchema = z.object(Object.fromEntries(fields));
      server.registerPrompt(name, { description, argsSchema }, (words) =>
        messages(contents(words)),
      );
    }
  }
  const { name, description } = askingPrompt;
  server.registerPrompt(name, { description }, async (context) => {
    const answers = answersTo(promptRound, context);
    if (answers === undefined) return inputRequired({ inputRequests: requestsOf(promptRound) });
    return messages([text(`The context is ${JSON.stringify(answers)}.`)]);
  });
}

function addResources(server: McpServer): void {
  for (const { name, uri, content, ...about } of resources) {
    server.registerResource(name, uri, about, () => ({
      contents: [{ uri, mimeType: about.mimeType, ...content }],
    }));
  }
  const { description, mimeType, name, uriTemplate } = template;
  server.registerResource(
    name,
    new ResourceTemplate(uriTemplate, { list: undefined }),
    { description, mimeType },
    (uri, { id }) => ({ contents: [templateContent(uri.toString(), String(id))] }),
  );
  server.server.setRequestHandler('resources/subscribe', () => ({}));
  server.server.setRequestHandler('resources/unsubscribe', () => ({}));
}
