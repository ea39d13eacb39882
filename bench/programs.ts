import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join, resolve } from 'node:path';

/** How to start a program. */
export interface ProgramSettings {
  readonly name: string;
  /** Flags of Node, the file, and its arguments. */
  readonly command: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
}

const startLimitMs = 120_000;
const stopLimitMs = 30_000;
const main = join(import.meta.dirname, 'main.ts');

/** A process of the bench or of the product. It ends with this one at the latest. */
export class Program {
  readonly #child: ChildProcess;
  #written = '';
  #ready: string | undefined;

  private constructor(readonly settings: ProgramSettings) {
    const { PATH = '', HOME = '' } = process.env;
    this.#child = spawn(process.execPath, [...settings.command], {
      env: { PATH, HOME, ...settings.environment },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    const kill = (): void => void this.#child.kill('SIGKILL');
    process.once('exit', kill);
    this.#child.once('exit', () => process.removeListener('exit', kill));
    this.#child.on('message', (message: { ready?: string }) => {
      this.#ready ??= message.ready;
    });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding('utf8').on('data', (piece: string) => (this.#written += piece));
    }
  }

  /** Resolves once the program is ready. @throws Error with what it wrote when it ends instead. */
  static async start(settings: ProgramSettings): Promise<Program> {
    const program = new Program(settings);
    await program.#isReady();
    return program;
  }

  get name(): string {
    return this.settings.name;
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** What it wrote. */
  get written(): string {
    return this.#written;
  }

  /** What it said when it was ready: its URL, if it has one. */
  get url(): string {
    return this.#ready ?? '';
  }

  /** Sends a message and gives the next one that comes back. */
  async ask<Answer>(question: object): Promise<Answer> {
    const settled = new AbortController();
    const { signal } = settled;
    const answer = once(this.#child, 'message', { signal }).then(([first]): Answer => first);
    const ended = once(this.#child, 'exit', { signal }).then((): never => {
      throw new Error(`${this.name} ended\n${this.#written}`);
    });
    this.#child.send(question);
    try {
      return await Promise.race([answer, ended]);
    } finally {
      for (const other of [answer, ended]) other.catch(() => undefined);
      settled.abort();
    }
  }

  /** Asks it to end, and waits until it has. */
  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, 'exit');
    const tooLong = setTimeout(() => this.#child.kill('SIGKILL'), stopLimitMs);
    this.#child.kill('SIGTERM');
    await ended;
    clearTimeout(tooLong);
  }

  async #isReady(): Promise<void> {
    for (const limit = Date.now() + startLimitMs; Date.now() < limit;) {
      // The product says it on a line, the bench's own programs in a message.
      this.#ready ??= /^ready (\S+)$/m.exec(this.#written)?.[1];
      if (this.#ready !== undefined) return;
      if (this.#child.exitCode !== null) break;
      await new Promise((resume) => {
        setTimeout(resume, 20);
      });
    }
    this.#child.kill('SIGKILL');
    throw new Error(`${this.name} did not start:\n${this.#written}`);
  }
}

/** Starts one of the bench's own programs. */
export async function startRole(
  name: string,
  role: 'client' | 'upstream' | 'floor' | 'sdk-relay',
  words: readonly string[] = [],
  environment: Readonly<Record<string, string>> = {},
): Promise<Program> {
  // The flags that this process was started with let a child run TypeScript as well.
  const command = [...process.execArgv, main, 'role', role, ...words];
  return Program.start({ name, command, environment });
}

/** Starts a built program of the product or the demo. */
export async function startBuilt(
  path: string,
  environment: Readonly<Record<string, string>>,
  flags: readonly string[] = [],
): Promise<Program> {
  const name = path.split('/').at(-1) ?? path;
  const command = [...flags, resolve('dist', path, 'main.js')];
  return Program.start({ name, command, environment });
}
