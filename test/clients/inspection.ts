import type { Completion, Peer } from './peers.js';

/** A tool call that the inspection makes. */
export interface PlannedCall {
  readonly name: string;
  readonly arguments: Record<string, unknown>;
  readonly progress?: true;
}

/** What is asked of a server, besides everything that it lists. */
export interface Plan {
  readonly calls: readonly PlannedCall[];
  readonly resources: readonly string[];
  readonly prompts: readonly { name: string; arguments?: Record<string, string> }[];
  readonly completions: readonly Completion[];
}

/** What differs between two honest runs: random ids and the time of day. */
const volatile: readonly [RegExp, string][] = [
  [/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g, '<id>'],
  [/\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?Z/g, '<time>'],
  [/[A-Z][a-z]{2} [A-Z][a-z]{2} \d{2} \d{4} \d{2}:\d{2}:\d{2} GMT[^"\\]*/g, '<time>'],
  [/\d{1,2}:\d{2}:\d{2}( [AP]M)?/g, '<time>'],
  [/"progressToken":\d+/g, '"progressToken":0'],
];

/** The server's text blobs tell the time of day; read as text, it can be taken out. */
const textBlob = /"blob":"(UmVzb3VyY2Ug[A-Za-z0-9+/=]+)"/g;

/** Asks a server for everything it offers and writes down every answer, errors too. */
export async function inspect(peer: Peer, plan: Plan): Promise<Record<string, unknown>> {
  const answers: Record<string, unknown> = { facts: peer.serverFacts() };
  const ask = async (name: string, question: () => Promise<unknown>): Promise<void> => {
    const answer = await question().catch((error: unknown) => ({ error: String(error) }));
    answers[name] = name.startsWith('tool get-env') ? linesSorted(answer) : answer;
  };
  await ask('ping', async () => peer.ping());
  await ask('tools', async () => peer.listTools());
  await ask('resources', async () => peer.listResources());
  await ask('templates', async () => peer.listResourceTemplates());
  await ask('prompts', async () => peer.listPrompts());
  await ask('logging', async () => peer.setLoggingLevel('debug'));
  for (const call of plan.calls) {
    const name = `tool ${call.name} ${JSON.stringify(call.arguments)}`;
    const { progress, ...plain } = call;
    await ask(name, async () =>
      progress ? surelySeen(await peer.callWithProgress(plain)) : peer.callTool(plain),
    );
  }
  for (const uri of plan.resources)
    await ask(`resource ${uri}`, async () => peer.readResource({ uri }));
  for (const prompt of plan.prompts) {
    await ask(`prompt ${JSON.stringify(prompt)}`, async () => peer.getPrompt(prompt));
  }
  for (const completion of plan.completions) {
    await ask(`completion ${JSON.stringify(completion)}`, async () => peer.complete(completion));
  }
  return JSON.parse(settled(JSON.stringify(answers)));
}

function settled(text: string): string {
  const readable = text.replaceAll(textBlob, (_, blob: string) => {
    return `"blob":${JSON.stringify(Buffer.from(blob, 'base64').toString('utf8'))}`;
  });
  return volatile.reduce((each, [pattern, name]) => each.replaceAll(pattern, name), readable);
}

/** A child's environment has no order of its own. */
function linesSorted(answer: unknown): readonly string[] {
  return JSON.stringify(answer).replaceAll(',\\n', '\\n').split('\\n').toSorted();
}

/**
 * Progress before the last step. Of the last one, that comes together with the result, a client drops
 * now one, now none, with and without a gateway.
 */
function surelySeen(answer: unknown): unknown {
  if (typeof answer !== 'object' || answer === null || !('progress' in answer)) return answer;
  const { progress } = answer;
  if (!Array.isArray(progress)) return answer;
  return { ...answer, progress: progress.filter((each) => each.progress < each.total) };
}
