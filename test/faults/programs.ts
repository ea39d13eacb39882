import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { promisify } from 'node:util';
import { eventually } from '../stack/http.js';

/** A program of the product that runs as a process of its own. */
export type ProgramName = 'ingress' | 'policy' | 'approval' | 'masking' | 'audit' | 'standalone';

const compiler = resolve('node_modules/@nestjs/cli/bin/nest.js');
const startLimitMs = 120_000;
const stopLimitMs = 60_000;

/** Builds programs, as a release does. */
export async function buildPrograms(names: readonly ProgramName[]): Promise<void> {
  for (const name of names) await promisify(execFile)(process.execPath, [compiler, 'build', name]);
}

/** A built program that can be killed and started again with the same environment. */
export class Program {
  #child: ChildProcess | undefined;
  #written = '';

  constructor(
    readonly name: ProgramName,
    private readonly environment: Readonly<Record<string, string>>,
  ) {}

  /** Everything that it wrote, in all its lives. */
  get written(): string {
    return this.#written;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Starts it and gives the URL that it names once it listens. */
  async start(): Promise<string> {
    const file = resolve(`dist/services/${this.name}/main.js`);
    const child = spawn(process.execPath, [file], {
      env: { ...this.environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child = child;
    const killWithUs = (): void => void child.kill('SIGKILL');
    process.once('exit', killWithUs);
    child.once('exit', () => process.removeListener('exit', killWithUs));
    let own = '';
    const listen = (piece: string): void => {
      own += piece;
      this.#written += piece;
    };
    child.stdout.setEncoding('utf8').on('data', listen);
    child.stderr.setEncoding('utf8').on('data', listen);
    return eventually(() => {
      const [, url] = /^ready (\S+)$/m.exec(own) ?? [];
      if (url === undefined) throw new Error(`${this.name} does not listen yet:\n${own}`);
      return url;
    }, startLimitMs);
  }

  /** Ends it at once, as a crash does. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL');
  }

  /** Asks it to end and gives its exit code; null when it had to be killed. */
  async stop(): Promise<number | null> {
    return this.#end('SIGTERM');
  }

  async #end(signal: NodeJS.Signals): Promise<number | null> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) {
      return child?.exitCode ?? null;
    }
    const ended = once(child, 'exit');
    const tooLong = setTimeout(() => child.kill('SIGKILL'), stopLimitMs);
    child.kill(signal);
    await ended;
    clearTimeout(tooLong);
    return child.exitCode;
  }
}

/** Waits until a service says that it can do its work. */
export async function isReady(url: string, timeoutMs = startLimitMs): Promise<void> {
  await eventually(async () => {
    const response = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(5000) });
    await response.arrayBuffer();
    if (response.status !== 200) throw new Error(`${url} is not ready`);
  }, timeoutMs);
}
