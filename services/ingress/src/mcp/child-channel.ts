import { type ChildProcess, spawn } from 'node:child_process';
import { Refusal } from '../gate/refusal.js';
import {
  type Channel,
  type ChannelEvents,
  noMessage,
  type OpenChannel,
  serverEnded,
} from './channel.js';
import { ErrorLines } from './error-lines.js';
import { isObject, type JsonObject } from './message.js';
import { type JsonLimits, parseStrictJson } from './strict-json.js';
import { upstreamRefusal } from './upstream.js';

/** Limits on what a child writes, in bytes, and on its JSON. */
type ChildLimits = JsonLimits & { readonly maxAnswerBytes: number };

const lineFeed = 0x0a;
/** How long a child may take to end after it was told to, before it is killed, in milliseconds. */
const endPatienceMs = 2000;
/** Elsewhere a child has no group of its own, and what it started is left to it. */
const hasGroups = process.platform !== 'win32';

/** How children of one server are started. */
export interface ChildParts {
  /** Program and arguments. */
  readonly command: readonly string[];
  /** All that the child gets of it. @throws Refusal */
  readonly environment: () => Record<string, string>;
  readonly limits: ChildLimits;
  /** Hears what children write for whoever runs them. */
  readonly tell: (line: string) => void;
}

/** Each channel is a child process of its own. */
export function childChannels({ command, environment, limits, tell }: ChildParts): OpenChannel {
  return (events) => {
    const variables = environment();
    try {
      return new ChildChannel(startOf(command, variables), limits, events, tell);
    } catch (error) {
      throw notStarted(error);
    }
  };
}

/** One child process that speaks MCP over stdio. */
class ChildChannel implements Channel {
  readonly opened = Promise.resolve();
  readonly #errors: ErrorLines;
  readonly #gone = Promise.withResolvers<void>();
  #unfinished: Buffer[] = [];
  #unfinishedBytes = 0;
  #hasEnded = false;
  #kill: NodeJS.Timeout | undefined;

  constructor(
    private readonly child: ChildProcess,
    private readonly limits: ChildLimits,
    private readonly events: ChannelEvents,
    tell: (line: string) => void,
  ) {
    this.#errors = new ErrorLines(tell);
    child.on('error', (error) => this.#failed(error));
    // What it has started and left behind would keep its output open, with its environment.
    child.on('exit', () => void this.close());
    child.on('close', () => this.#closed());
    child.stdin?.on('error', () => this.#end(serverEnded()));
    child.stdout?.on('data', (bytes: Buffer) => this.#read(bytes));
    child.stderr?.on('data', (bytes: Buffer) => this.#errors.take(bytes));
  }

  async send(body: JsonObject): Promise<void> {
    if (this.#hasEnded || this.#kill !== undefined) throw serverEnded();
    const waiting = this.child.stdin?.writableLength ?? 0;
    if (waiting > this.limits.maxAnswerBytes) {
      const message = 'The server does not read what it is sent.';
      throw upstreamRefusal('UPSTREAM_UNAVAILABLE', message, 'no');
    }
    this.child.stdin?.write(`${JSON.stringify(body)}\n`);
  }

  /** Closes the input and asks it to end, waits a little, then kills. */
  async close(): Promise<void> {
    if (this.#kill === undefined && this.child.pid !== undefined) {
      this.child.stdin?.end();
      this.#signal('SIGTERM');
      this.#kill = setTimeout(() => this.#killed(), endPatienceMs);
    }
    await this.#gone.promise;
  }

  #killed(): void {
    this.#signal('SIGKILL');
    // Somebody who left the group may hold them open still.
    for (const stream of [this.child.stdout, this.child.stderr]) stream?.destroy();
  }

  /** To the child and all that it has started: a program is often started by another, as `npx` does. */
  #signal(signal: NodeJS.Signals): void {
    const { pid } = this.child;
    try {
      if (hasGroups && pid !== undefined) process.kill(-pid, signal);
      else this.child.kill(signal);
    } catch {
      // Nobody is left who could be told.
    }
  }

  #failed(error: Error): void {
    if (this.child.pid !== undefined) return;
    this.#end(notStarted(error));
    this.#gone.resolve();
  }

  #closed(): void {
    clearTimeout(this.#kill);
    this.#errors.end();
    this.#end(serverEnded());
    this.#gone.resolve();
  }

  /** Messages end with a line feed, and with nothing else that a program might take for a line's end. */
  #read(bytes: Buffer): void {
    let rest = bytes;
    for (let end = rest.indexOf(lineFeed); end >= 0; end = rest.indexOf(lineFeed)) {
      this.#line(Buffer.concat([...this.#unfinished.splice(0), rest.subarray(0, end)]));
      this.#unfinishedBytes = 0;
      rest = rest.subarray(end + 1);
    }
    if (this.#hasEnded) return;
    this.#unfinished.push(rest);
    this.#unfinishedBytes += rest.length;
    if (this.#unfinishedBytes > this.limits.maxAnswerBytes) this.#end(tooLarge());
  }

  /** A server that writes anything else on its output cannot be followed safely any more. */
  #line(line: Buffer): void {
    if (this.#hasEnded || line.toString('latin1').trim() === '') return;
    try {
      this.events.say(messageIn(line, this.limits));
    } catch (error) {
      this.#end(error instanceof Refusal ? error : noMessage(error));
    }
  }

  #end(why: Refusal): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#unfinished = [];
    void this.close();
    this.events.end(why);
  }
}

function startOf([program = '', ...rest]: readonly string[], environment: Record<string, string>) {
  return spawn(program, rest, { env: environment, stdio: 'pipe', detached: hasGroups });
}

/** @throws Refusal */
function messageIn(line: Buffer, limits: ChildLimits): JsonObject {
  if (line.length > limits.maxAnswerBytes) throw tooLarge();
  const message = parseStrictJson(line, limits);
  if (!isObject(message)) throw new TypeError('not a message');
  return message;
}

function tooLarge(): Refusal {
  const message = 'The server wrote a message that is larger than allowed.';
  return upstreamRefusal('ANSWER_TOO_LARGE', message, 'unknown');
}

function notStarted(cause: unknown): Refusal {
  return upstreamRefusal('UPSTREAM_UNAVAILABLE', 'The server cannot be started.', 'no', cause);
}
