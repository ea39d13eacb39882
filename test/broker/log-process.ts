import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';

const here = dirname(import.meta.filename);

/** How a process opens an event log. */
export type LogDescription =
  | { readonly kind: 'kafka'; readonly brokers: readonly string[]; readonly sessionMs: number }
  | { readonly kind: 'in-process'; readonly file: string };

/** What the process does until it is killed. */
export type LogTask =
  /** Finishes the records with a number below `until`, and begins that one for ever. */
  | {
      readonly does: 'read';
      readonly topic: string;
      readonly group: string;
      readonly until: number;
    }
  /** Appends records with growing numbers. */
  | { readonly does: 'append'; readonly topic: string };

/** A process that works on an event log. It says what it has done as `<word> <number>`. */
export interface LogProgram {
  /** The numbers said with this word so far. */
  said(word: string): number[];
  /** Resolves when this was said. @throws Error when the process ends before. */
  hasSaid(line: string): Promise<void>;
  /** Ends it with SIGKILL, so that it can do nothing more. */
  kill(): Promise<void>;
}

/** Starts a process of its own that opens the log and works on it. */
export async function startLogProgram(log: LogDescription, task: LogTask): Promise<LogProgram> {
  const flags = ['--import', join(here, 'typescript.mjs'), '--disable-warning=ExperimentalWarning'];
  const program = join(here, 'log-program.ts');
  const child = spawn(
    process.execPath,
    ['--experimental-transform-types', ...flags, program, JSON.stringify({ log, task })],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const kill = () => void child.kill('SIGKILL');
  process.once('exit', kill);
  const ended = once(child, 'exit');
  const lines: string[] = [];
  const watchers = new Map<string, () => void>();
  createInterface({ input: child.stdout }).on('line', (line) => {
    lines.push(line);
    watchers.get(line)?.();
  });
  return {
    said: (word) => {
      return lines
        .filter((line) => line.startsWith(`${word} `))
        .map((line) => Number(line.split(' ')[1]));
    },
    hasSaid: async (line) => {
      if (lines.includes(line)) return;
      const heard = new Promise<void>((resolve) => {
        watchers.set(line, resolve);
      });
      const tooEarly = ended.then(() => {
        throw new Error(`the process ended before it said "${line}"`);
      });
      await Promise.race([heard, tooEarly]);
    },
    kill: async () => {
      kill();
      process.removeListener('exit', kill);
      await ended;
    },
  };
}
