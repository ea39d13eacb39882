import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { askingTaskTools, Breakdown, plainTaskTools, type TaskTool } from './task-tools.js';
import { type Answers, type Client, isAnswer, type Round, text, type Words } from './tool.js';

/** The extension's name among capabilities. */
export const tasksExtension = 'io.modelcontextprotocol/tasks';

const words = z.record(z.string(), z.unknown());
const requestSchema = z.object({
  id: z.union([z.string(), z.number()]),
  method: z.string(),
  params: z.looseObject({
    name: z.string().optional(),
    taskId: z.string().optional(),
    arguments: words.optional(),
    inputResponses: z.record(z.string(), words).optional(),
    _meta: z.object({
      'io.modelcontextprotocol/protocolVersion': z.literal('2026-07-28'),
      'io.modelcontextprotocol/clientCapabilities': z.object({ extensions: words.optional() }),
    }),
  }),
});
type Asked = z.infer<typeof requestSchema>;

type State =
  | { readonly status: 'working' | 'cancelled' }
  | { readonly status: 'input_required'; readonly inputRequests: Round }
  | { readonly status: 'completed'; readonly result: object }
  | { readonly status: 'failed'; readonly error: object };

/** A call that has become a task. */
interface Task {
  readonly taskId: string;
  readonly createdAt: string;
  readonly tool: TaskTool;
  readonly words: Words;
  lastUpdatedAt: string;
  answers: Answers;
  state: State;
}

const tools: readonly TaskTool[] = [...plainTaskTools, ...askingTaskTools];
const ttlMs = 600_000;
const pollIntervalMs = 200;
const json = { 'content-type': 'application/json' };

/** A task has no stream: nobody hears what its tool says while it works. */
const nobody: Client = {
  log: async () => undefined,
  progress: async () => undefined,
  closeStream: () => undefined,
  toolsChanged: async () => undefined,
  promptsChanged: async () => undefined,
};

/** The server's side of the tasks extension (ext-tasks 2026-07-28), which the SDK has not. */
export class Tasks {
  readonly #tasks = new Map<string, Task>();

  /** Answers what is the extension's; undefined leaves a request to the SDK. */
  async answer(request: Request): Promise<Response | undefined> {
    if (request.method !== 'POST') return undefined;
    const asked = requestSchema.safeParse(
      await request
        .clone()
        .json()
        .catch(() => undefined),
    ).data;
    if (asked === undefined) return undefined;
    const { method } = asked;
    if (method === 'tools/call') return this.#call(asked, request.headers);
    const isOfTasks = /^tasks\/(get|update|cancel)$/.test(method);
    return isOfTasks ? this.#ofTask(asked, request.headers) : undefined;
  }

  #call(asked: Asked, headers: Headers): Response | undefined {
    const tool = tools.find(({ name }) => name === asked.params.name);
    // What is not in order is refused by the SDK.
    if (tool === undefined || !isMirrored(headers, asked.method, tool.name)) return undefined;
    if (!takesTasks(asked)) return tool.needsTasks ? capabilityMissing(asked) : undefined;
    const { inputResponses = {} } = asked.params;
    if (tool.asksFirst && !isAnswered(tool, inputResponses)) return undefined;
    const task = this.#create(tool, asked.params.arguments ?? {});
    if (tool.asksFirst) update(task, inputResponses);
    else start(task);
    return result(asked, { resultType: 'task', ...about(task) });
  }

  #create(tool: TaskTool, given: Words): Task {
    const now = new Date().toISOString();
    const task: Task = {
      taskId: randomUUID(),
      createdAt: now,
      lastUpdatedAt: now,
      tool,
      words: given,
      answers: {},
      state: { status: 'working' },
    };
    this.#tasks.set(task.taskId, task);
    return task;
  }

  #ofTask(asked: Asked, headers: Headers): Response {
    const { taskId = '', inputResponses = {} } = asked.params;
    if (!isMirrored(headers, asked.method, taskId)) {
      return error(asked, 400, { code: -32_020, message: 'Header and body disagree.' });
    }
    if (!takesTasks(asked)) return capabilityMissing(asked);
    const task = this.#tasks.get(taskId);
    if (task === undefined) return error(asked, 200, { code: -32_602, message: 'Unknown task' });
    if (asked.method === 'tasks/get') {
      return result(asked, { resultType: 'complete', ...about(task), ...task.state });
    }
    if (asked.method === 'tasks/update') update(task, inputResponses);
    else if (!hasEnded(task)) turn(task, { status: 'cancelled' });
    return result(asked, { resultType: 'complete' });
  }
}

function start(task: Task): void {
  const { tool } = task;
  if ('run' in tool) void work(task, async () => tool.run(nobody, task.words));
  else turn(task, { status: 'input_required', inputRequests: roundOf(tool, task.words) });
}

/** Takes the answers that were asked for, and goes on when all are there. */
function update(task: Task, given: Answers): void {
  const { tool } = task;
  if (hasEnded(task) || 'run' in tool) return;
  const round = roundOf(tool, task.words);
  const valid = Object.entries(round).filter(([key, question]) => isAnswer(question, given[key]));
  const answers = Object.fromEntries(valid.map(([key]) => [key, given[key] ?? {}]));
  task.answers = { ...task.answers, ...answers };
  const open = Object.entries(round).filter(([key]) => !(key in task.answers));
  if (open.length === 0) void work(task, async () => [text(tool.answer(task.answers))]);
  else turn(task, { status: 'input_required', inputRequests: Object.fromEntries(open) });
}

async function work(task: Task, run: () => Promise<readonly object[]>): Promise<void> {
  turn(task, { status: 'working' });
  const state = await run().then(
    (content): State => ({ status: 'completed', result: { resultType: 'complete', content } }),
    failure,
  );
  if (!hasEnded(task)) turn(task, state);
}

/** A tool that fails has completed, with a result that says so; a breakdown is a failure. */
function failure(cause: unknown): State {
  const message = cause instanceof Error ? cause.message : String(cause);
  if (cause instanceof Breakdown) {
    return { status: 'failed', error: { code: -32_603, message } };
  }
  const content = [text(message)];
  return { status: 'completed', result: { resultType: 'complete', content, isError: true } };
}

function turn(task: Task, state: State): void {
  task.state = state;
  task.lastUpdatedAt = new Date().toISOString();
}

function hasEnded({ state }: Task): boolean {
  return state.status !== 'working' && state.status !== 'input_required';
}

function roundOf(tool: TaskTool, given: Words): Round {
  return 'rounds' in tool ? (tool.rounds(given)[0] ?? {}) : {};
}

function isAnswered(tool: TaskTool, given: Answers): boolean {
  return Object.entries(roundOf(tool, {})).every(([key, each]) => isAnswer(each, given[key]));
}

function about({ createdAt, lastUpdatedAt, state, taskId }: Task): object {
  return { taskId, status: state.status, createdAt, lastUpdatedAt, ttlMs, pollIntervalMs };
}

function takesTasks({ params }: Asked): boolean {
  const { extensions = {} } = params._meta['io.modelcontextprotocol/clientCapabilities'];
  return tasksExtension in extensions;
}

/** Whether the headers repeat the body (MCP 2026-07-28, standard headers). */
function isMirrored(headers: Headers, method: string, name: string): boolean {
  const isOfVersion = headers.get('mcp-protocol-version') === '2026-07-28';
  return isOfVersion && headers.get('mcp-method') === method && headers.get('mcp-name') === name;
}

function capabilityMissing(asked: Asked): Response {
  const requiredCapabilities = { extensions: { [tasksExtension]: {} } };
  const message = 'The client does not take tasks.';
  return error(asked, 400, { code: -32_021, message, data: { requiredCapabilities } });
}

function result({ id }: Asked, body: object): Response {
  return new Response(JSON.stringify({ jsonrpc: '2.0', id, result: body }), { headers: json });
}

function error({ id }: Asked, status: number, body: object): Response {
  const text = JSON.stringify({ jsonrpc: '2.0', id, error: body });
  return new Response(text, { status, headers: json });
}
