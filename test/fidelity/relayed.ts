import { resolve } from 'node:path';
import { z } from 'zod';
import { eventually, rest } from '../stack/http.js';
import { type Stack, stacks } from '../stack/stack.js';
import { startWorld, type World } from '../stack/world.js';
import type { Caller } from './mcp-http.js';
import { type ScriptedUpstream, startScriptedUpstream } from './scripted-upstream.js';

/** A scripted server behind a gateway, and two people who may use it. */
export interface Relayed {
  readonly upstream: ScriptedUpstream;
  readonly world: World;
  readonly stack: Stack;
  /** May do everything, and sees it as it is. */
  readonly ada: Caller;
  /** May not use what is called secret. */
  readonly eng: Caller;
  /** What is on record of a call under a type: the data of the last such event. */
  recorded(callId: string | null | undefined, type: string): Promise<Record<string, unknown>>;
  close(): Promise<void>;
}

/** What a test wants otherwise. */
export interface RelayedOptions {
  /** What the configuration says of the server besides its URL. */
  readonly server?: Readonly<Record<string, unknown>>;
  /** Further servers, made from the URL of the first. */
  readonly others?: (url: string) => Readonly<Record<string, unknown>>;
  readonly sections?: Readonly<Record<string, unknown>>;
}

const storySchema = z.object({
  events: z.array(
    z.object({ event: z.object({ type: z.string(), data: z.record(z.string(), z.unknown()) }) }),
  ),
});

/** Starts all of it; the server is called `odd`. */
export async function startRelayed(
  kind: keyof typeof stacks,
  { others = () => ({}), sections = {}, server = {} }: RelayedOptions = {},
): Promise<Relayed> {
  const upstream = await startScriptedUpstream();
  const world = await startWorld({
    servers: { odd: { url: upstream.url, ...server }, ...others(upstream.url) },
    sections,
    policies: resolve('test/fidelity/policies'),
  });
  const stack = await stacks[kind](world);
  const url = `${stack.gateway}/mcp/odd`;
  const auditor = await world.token('auditor');
  const find = async (callId: string, type: string): Promise<Record<string, unknown>> => {
    const { body } = await rest(`${stack.audit}/v1/calls/${callId}`, auditor);
    const found = storySchema
      .safeParse(body)
      .data?.events.findLast(({ event }) => event.type === type);
    if (found === undefined) throw new Error(`call ${callId} has no ${type} on record`);
    return found.event.data;
  };
  return {
    upstream,
    world,
    stack,
    ada: { url, token: await world.token('analyst') },
    eng: { url, token: await world.token('engineer') },
    recorded: async (callId, type) => eventually(async () => find(callId ?? '', type)),
    close: async () => {
      await stack.close();
      await world.close();
      await upstream.close();
    },
  };
}

/** The end of a call that got no answer. */
export const failed = 'countersign.call.failed.v1';
