import { setTimeout as pause } from 'node:timers/promises';
import { askName, elicit } from './questions.js';
import { type AskingTool, type PlainTool, text } from './tool.js';

const confirm = (message: string) => elicit(message, { confirm: { type: 'boolean' } }, ['confirm']);
const noArguments = { type: 'object', properties: {} } as const;

/** A call that breaks down instead of giving a result, be it one that says that the tool has failed. */
export class Breakdown extends Error {}

/** What becomes a task when the client takes tasks. */
export type TaskTool = (PlainTool | AskingTool) & {
  /** Cannot be called by a client that does not take tasks. */
  readonly needsTasks?: true;
  /** Asks in the call, and becomes a task once it has its answers; others ask in the task. */
  readonly asksFirst?: true;
};

/** Tools that work by themselves for a while. */
export const plainTaskTools: readonly (PlainTool & TaskTool)[] = [
  {
    name: 'slow_compute',
    description: 'Takes its time.',
    inputSchema: {
      type: 'object',
      properties: { seconds: { type: 'number' }, label: { type: 'string' } },
    },
    run: async (_, { label, seconds }) => {
      await pause(Number(seconds) * 1000, undefined, { ref: false });
      return [text(`Computed ${String(label)}.`)];
    },
  },
  {
    name: 'failing_job',
    description: 'Fails, and only as a task.',
    inputSchema: noArguments,
    needsTasks: true,
    run: async () => Promise.reject(new Error('This job always fails.')),
  },
  {
    name: 'protocol_error_job',
    description: 'Breaks down.',
    inputSchema: noArguments,
    run: async () => Promise.reject(new Breakdown('This job always breaks down.')),
  },
];

/** Tools that ask before they work, or meanwhile. */
export const askingTaskTools: readonly (AskingTool & TaskTool)[] = [
  {
    name: 'confirm_delete',
    description: 'Deletes nothing, once that is confirmed.',
    inputSchema: { type: 'object', properties: { filename: { type: 'string' } } },
    keepsState: false,
    rounds: ({ filename }) => [{ confirm: confirm(`Delete ${String(filename)}?`) }],
    answer: (answers) => `Confirmed: ${JSON.stringify(answers)}`,
  },
  {
    name: 'multi_input',
    description: 'Wants two things confirmed.',
    inputSchema: noArguments,
    keepsState: false,
    rounds: () => [{ first: confirm('The first?'), second: confirm('The second?') }],
    answer: (answers) => `Confirmed: ${JSON.stringify(answers)}`,
  },
  {
    name: 'test_tool_with_task',
    description: 'Asks for a name, and greets it as a task.',
    inputSchema: noArguments,
    keepsState: false,
    needsTasks: true,
    asksFirst: true,
    rounds: () => [{ user_name: askName }],
    answer: (answers) => `Hello, ${JSON.stringify(answers)}!`,
  },
];
