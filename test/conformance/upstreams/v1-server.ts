import { Server } from '@modelcontextprotocol/sdk/server/index.js';
import type { RequestHandlerExtra } from '@modelcontextprotocol/sdk/shared/protocol.js';
import {
  CallToolRequestSchema,
  CompleteRequestSchema,
  ErrorCode,
  GetPromptRequestSchema,
  ListPromptsRequestSchema,
  ListResourcesRequestSchema,
  ListResourceTemplatesRequestSchema,
  ListToolsRequestSchema,
  type LoggingLevel,
  LoggingLevelSchema,
  McpError,
  ReadResourceRequestSchema,
  type ServerNotification,
  type ServerRequest,
  SetLevelRequestSchema,
  SubscribeRequestSchema,
  UnsubscribeRequestSchema,
} from '@modelcontextprotocol/sdk/types.js';
import { z } from 'zod';
import { promptRound } from './asking-tools.js';
import { askingPrompt, completionsOf, prompts } from './prompts.js';
import { resources, template, templateContent } from './resources.js';
import {
  type Answers,
  askable,
  type AskingTool,
  capabilityOf,
  type Client,
  type Content,
  type Round,
  text,
} from './tool.js';
import { askingTools, plainTools } from './tools.js';

type Extra = RequestHandlerExtra<ServerRequest, ServerNotification>;

/** A server on the v1 SDK for one session. */
export function newServerV1(): Server {
  const server = new Server(
    { name: 'conformance-v1', version: '1.0.0' },
    {
      capabilities: {
        tools: { listChanged: true },
        prompts: { listChanged: true },
        resources: { listChanged: true, subscribe: true },
        completions: {},
        logging: {},
      },
    },
  );
  addTools(server);
  addPrompts(server);
  addResources(server);
  return server;
}

function addTools(server: Server): void {
  let level: LoggingLevel = 'debug';
  server.setRequestHandler(SetLevelRequestSchema, ({ params }) => {
    level = params.level;
    return {};
  });
  server.setRequestHandler(ListToolsRequestSchema, () => ({
    tools: [...plainTools, ...askingTools].map(({ name, description, inputSchema }) => {
      return { name, description, inputSchema };
    }),
  }));
  server.setRequestHandler(CallToolRequestSchema, async ({ params }, extra) => {
    const words = params.arguments ?? {};
    const plain = plainTools.find(({ name }) => name === params.name);
    const asking = askingTools.find(({ name }) => name === params.name);
    try {
      if (plain !== undefined)
        return contentOf(await plain.run(clientOf(server, extra, level), words));
      if (asking !== undefined)
        return contentOf([text(await askAll(asking, words, server, extra))]);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      return { ...contentOf([text(message)]), isError: true };
    }
    throw new McpError(ErrorCode.InvalidParams, `Unknown tool: ${params.name}`);
  });
}

function contentOf(content: readonly Content[]) {
  return { content: [...content] };
}

function clientOf(server: Server, extra: Extra, level: LoggingLevel): Client {
  const levels = LoggingLevelSchema.options;
  const isLogged = levels.indexOf('info') >= levels.indexOf(level);
  const progressToken = extra._meta?.progressToken;
  return {
    log: async (data) => {
      if (!isLogged) return;
      const params = { level: 'info' as const, data };
      await extra.sendNotification({ method: 'notifications/message', params });
    },
    progress: async (progress, total) => {
      if (progressToken === undefined) return;
      const params = { progressToken, progress, total };
      await extra.sendNotification({ method: 'notifications/progress', params });
    },
    closeStream: () => extra.closeSSEStream?.(),
    toolsChanged: async () => server.sendToolListChanged(),
    promptsChanged: async () => server.sendPromptListChanged(),
  };
}

/** This era has requests of its own for what a client is asked. */
async function askAll(
  tool: AskingTool,
  words: Record<string, unknown>,
  server: Server,
  extra: Extra,
): Promise<string> {
  const answers: Answers[] = [];
  for (const round of tool.rounds(words)) {
    const capabilities = server.getClientCapabilities() ?? {};
    const asked = tool.asksOnlyDeclared ? askable(round, capabilities) : round;
    answers.push(await askRound(asked, server, extra));
  }
  return tool.answer(Object.assign({}, ...answers));
}

async function askRound(round: Round, server: Server, extra: Extra): Promise<Answers> {
  const capabilities: object = server.getClientCapabilities() ?? {};
  const answers: Record<string, Record<string, unknown>> = {};
  for (const [key, question] of Object.entries(round)) {
    if (!(capabilityOf[question.method] in capabilities)) {
      throw new Error(`The client cannot do ${question.method}.`);
    }
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a fixture
    const request = question as ServerRequest;
    answers[key] = await extra.sendRequest(request, z.record(z.string(), z.unknown()));
  }
  return answers;
}

function addPrompts(server: Server): void {
  server.setRequestHandler(ListPromptsRequestSchema, () => ({
    prompts: [
      ...prompts.map((prompt) => ({
        name: prompt.name,
        description: prompt.description,
        arguments: Object.entries(prompt.arguments).map(([name, description]) => {
          return { name, description, required: true };
        }),
      })),
      askingPrompt,
    ],
  }));
  server.setRequestHandler(GetPromptRequestSchema, async ({ params }, extra) => {
    const messages = (contents: readonly Content[]) => ({
      messages: contents.map((content) => ({ role: 'user' as const, content })),
    });
    if (params.name === askingPrompt.name) {
      const answers = await askRound(promptRound, server, extra);
      return messages([text(`The context is ${JSON.stringify(answers)}.`)]);
    }
    const prompt = prompts.find(({ name }) => name === params.name);
    if (prompt === undefined) {
      throw new McpError(ErrorCode.InvalidParams, `Unknown prompt: ${params.name}`);
    }
    return messages(prompt.messages(params.arguments ?? {}));
  });
  server.setRequestHandler(CompleteRequestSchema, ({ params }) => {
    const values = completionsOf(params.argument.value);
    return { completion: { values, total: values.length, hasMore: false } };
  });
}

function addResources(server: Server): void {
  server.setRequestHandler(ListResourcesRequestSchema, () => ({
    resources: resources.map(({ description, mimeType, name, uri }) => {
      return { uri, name, description, mimeType };
    }),
  }));
  server.setRequestHandler(ListResourceTemplatesRequestSchema, () => ({
    resourceTemplates: [template],
  }));
  server.setRequestHandler(ReadResourceRequestSchema, ({ params: { uri } }) => {
    const fixed = resources.find((each) => each.uri === uri);
    if (fixed !== undefined) {
      return { contents: [{ uri, mimeType: fixed.mimeType, ...fixed.content }] };
    }
    const id = /^test:\/\/template\/([^/]+)\/data$/.exec(uri)?.[1];
    if (id !== undefined) return { contents: [templateContent(uri, id)] };
    // The code that this era has for it; the SDK knows no name for it.
    throw new McpError(-32_002, `Resource not found: ${uri}`, { uri });
  });
  server.setRequestHandler(SubscribeRequestSchema, () => ({}));
  server.setRequestHandler(UnsubscribeRequestSchema, () => ({}));
}
