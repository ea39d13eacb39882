import * as v2 from '@modelcontextprotocol/client';
import { StdioClientTransport as StdioV2 } from '@modelcontextprotocol/client/stdio';
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport as StdioV1 } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPClientTransport as HttpV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import {
  CreateMessageRequestSchema,
  ElicitRequestSchema,
  ListRootsRequestSchema,
} from '@modelcontextprotocol/sdk/types.js';

/** Where a client connects: a URL, through which token; or a program. */
export type Place =
  | { readonly url: string; readonly token?: string }
  | { readonly command: readonly string[]; readonly env: Record<string, string> };

type ToolCall = { name: string; arguments: Record<string, unknown> };
/** A completion of an argument of a prompt or a resource template. */
export interface Completion {
  ref: { type: 'ref/prompt'; name: string } | { type: 'ref/resource'; uri: string };
  argument: { name: string; value: string };
}
type PromptCall = { name: string; arguments?: Record<string, string> };

/** What both SDK generations can do, under one name. */
export interface Peer {
  serverFacts(): unknown;
  listTools(): Promise<{ tools: readonly { readonly name: string }[] }>;
  listResources(): Promise<{ resources: readonly { readonly uri: string }[] }>;
  listResourceTemplates(): Promise<unknown>;
  listPrompts(): Promise<{ prompts: readonly { readonly name: string }[] }>;
  callTool(call: ToolCall): Promise<unknown>;
  /** Calls a tool and gives back its progress as well. */
  callWithProgress(call: ToolCall): Promise<unknown>;
  readResource(request: { uri: string }): Promise<unknown>;
  getPrompt(call: PromptCall): Promise<unknown>;
  complete(request: Completion): Promise<unknown>;
  setLoggingLevel(level: 'debug'): Promise<unknown>;
  ping(): Promise<unknown>;
  close(): Promise<void>;
}

const capabilities = {
  sampling: {},
  roots: { listChanged: true },
  elicitation: { form: {}, url: {} },
};
const sampled = {
  model: 'a-model',
  role: 'assistant' as const,
  content: { type: 'text' as const, text: 'sampled text' },
};
const elicited = { action: 'accept' as const, content: { name: 'Ada', check: true } };
const roots = { roots: [{ uri: 'file:///tmp', name: 'tmp' }] };

/** The SDK generations. */
export const clientNames = ['sdk v1', 'client v2'] as const;
export type ClientName = (typeof clientNames)[number];

/** How to make an unmodified client of each SDK. */
export const clients: Readonly<Record<ClientName, (place: Place) => Promise<Peer>>> = {
  'sdk v1': connectV1,
  'client v2': connectV2,
};

async function connectV1(place: Place): Promise<Peer> {
  const client = new ClientV1({ name: 'check', version: '1.0.0' }, { capabilities });
  client.setRequestHandler(CreateMessageRequestSchema, () => sampled);
  client.setRequestHandler(ElicitRequestSchema, () => elicited);
  client.setRequestHandler(ListRootsRequestSchema, () => roots);
  const transport =
    'url' in place
      ? new HttpV1(new URL(place.url), { requestInit: { headers: headersOf(place) } })
      : new StdioV1({
          command: process.execPath,
          args: [...place.command],
          env: place.env,
          stderr: 'ignore',
        });
  await client.connect(transport);
  return peerOf(client, async (call) => {
    const progress: unknown[] = [];
    const result = await client.callTool(call, undefined, {
      onprogress: (each) => progress.push(each),
    });
    return { progress, result };
  });
}

async function connectV2(place: Place): Promise<Peer> {
  const client = new v2.Client({ name: 'check', version: '1.0.0' }, { capabilities });
  client.setRequestHandler('sampling/createMessage', () => sampled);
  client.setRequestHandler('elicitation/create', () => elicited);
  client.setRequestHandler('roots/list', () => roots);
  const transport =
    'url' in place
      ? new v2.StreamableHTTPClientTransport(new URL(place.url), {
          requestInit: { headers: headersOf(place) },
        })
      : new StdioV2({
          command: process.execPath,
          args: [...place.command],
          env: place.env,
          stderr: 'ignore',
        });
  await client.connect(transport);
  return peerOf(client, async (call) => {
    const progress: unknown[] = [];
    const result = await client.callTool(call, { onprogress: (each) => progress.push(each) });
    return { progress, result };
  });
}

function peerOf(client: ClientV1 | v2.Client, callWithProgress: Peer['callWithProgress']): Peer {
  return {
    serverFacts: () => ({
      capabilities: client.getServerCapabilities(),
      info: client.getServerVersion(),
      instructions: client.getInstructions(),
    }),
    listTools: async () => client.listTools(),
    listResources: async () => client.listResources(),
    listResourceTemplates: async () => client.listResourceTemplates(),
    listPrompts: async () => client.listPrompts(),
    callTool: async (call) => client.callTool(call),
    callWithProgress,
    readResource: async (request) => client.readResource(request),
    getPrompt: async (call) => client.getPrompt(call),
    complete: async (request) => client.complete(request),
    setLoggingLevel: async (level) => client.setLoggingLevel(level),
    ping: async () => client.ping(),
    close: async () => client.close(),
  };
}

function headersOf(place: { readonly token?: string }): Record<string, string> {
  return place.token === undefined ? {} : { authorization: `Bearer ${place.token}` };
}
