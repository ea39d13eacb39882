import { type ChildProcess, spawn } from 'node:child_process';
import type { Json } from '#masking';
import { isObject, type JsonObject, objectAt, type RequestId } from './message.js';
import { type JsonLimits, parseStrictJson } from './strict-json.js';

/** Receives what the server says; `end` tells that nothing more will come. */
export interface Listener {
  say(message: JsonObject): void;
  end(reason: 'exited' | 'unreadable'): void;
}

interface Pending extends Listener {
  readonly id: RequestId;
  readonly progressToken: Json | undefined;
}

const lineFeed = 0x0a;
/** Messages kept for a client that does not listen at the moment; the oldest go first. */
const maxKept = 100;
/** How long a child may take to end after its input was closed, before it is killed. */
const endPatienceMs = 2000;

/** One child process that speaks MCP over stdio, for one session of one principal. */
export class StdioSession {
  readonly #child: ChildProcess;
  readonly #pending: Pending[] = [];
  #stream: Listener | undefined;
  #kept: JsonObject[] = [];
  #unfinished: Buffer[] = [];
  #ended: 'exited' | 'unreadable' | undefined;
  #isRetired = false;
  lastUsedMs = Date.now();

  constructor(
    command: readonly string[],
    environment: Record<string, string>,
    private readonly limits: JsonLimits & { readonly maxAnswerBytes: number },
    private readonly onEnd: () => void,
  ) {
    const [program = '', ...rest] = command;
    this.#child = spawn(program, rest, { env: environment, stdio: ['pipe', 'pipe', 'ignore'] });
    this.#child.on('error', () => this.#end('exited'));
    this.#child.on('close', () => this.#end('exited'));
    this.#child.stdin?.on('error', () => this.#end('exited'));
    if (this.#child.stdout === null) throw new TypeError('the child has no output');
    this.#child.stdout.on('data', (bytes: Buffer) => this.#read(bytes));
  }

  get isAlive(): boolean {
    return this.#ended === undefined;
  }

  /** True while somebody waits for an answer or listens. */
  get isBusy(): boolean {
    return this.#pending.length > 0 || this.#stream !== undefined;
  }

  /** Sends a message that gets no answer. */
  send(body: JsonObject): void {
    this.lastUsedMs = Date.now();
    this.#child.stdin?.write(`${JSON.stringify(body)}\n`);
  }

  /** Sends a request; its progress and its answer go to the listener. */
  request(id: RequestId, body: JsonObject, listener: Listener): void {
    const progressToken = objectAt(objectAt(body, 'params'), '_meta')['progressToken'];
    if (this.#ended !== undefined) {
      listener.end(this.#ended);
      return;
    }
    this.#pending.push({ ...bound(listener), id, progressToken });
    this.send(body);
  }

  /** Forgets a request whose answer is not wanted any more. */
  forget(id: RequestId): void {
    const index = this.#pending.findIndex((each) => each.id === id);
    if (index >= 0) this.#pending.splice(index, 1);
    this.#closeIfDone();
  }

  /** Ends as soon as no request is open any more; a stream that only listens does not keep it. */
  retire(): void {
    this.#isRetired = true;
    this.#closeIfDone();
  }

  /** Gives the client's own stream what belongs to no request; returns how to stop. */
  listen(listener: Listener): () => void {
    this.#stream = listener;
    for (const message of this.#kept.splice(0)) listener.say(message);
    return () => {
      if (this.#stream === listener) this.#stream = undefined;
    };
  }

  /** Closes the input, waits a little, then kills. */
  close(): void {
    this.#child.stdin?.end();
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), endPatienceMs);
    this.#child.once('close', () => clearTimeout(timer));
    this.#child.kill('SIGTERM');
  }

  /** Messages end with a line feed, and with nothing else that a program might take for a line's end. */
  #read(bytes: Buffer): void {
    let rest = bytes;
    for (let end = rest.indexOf(lineFeed); end >= 0; end = rest.indexOf(lineFeed)) {
      this.#line(Buffer.concat([...this.#unfinished.splice(0), rest.subarray(0, end)]));
      rest = rest.subarray(end + 1);
    }
    this.#unfinished.push(rest);
    const size = this.#unfinished.reduce((sum, each) => sum + each.length, 0);
    if (size > this.limits.maxAnswerBytes) this.#giveUp();
  }

  #line(line: Buffer): void {
    if (this.#ended !== undefined || line.toString('latin1').trim() === '') return;
    try {
      const message = parseStrictJson(line, this.limits);
      if (!isObject(message)) throw new TypeError('not a message');
      this.#route(message);
    } catch {
      this.#giveUp();
    }
  }

  /** A server that writes anything else on its output cannot be followed safely any more. */
  #giveUp(): void {
    this.#unfinished = [];
    this.close();
    this.#end('unreadable');
  }

  #route(message: JsonObject): void {
    if (!('method' in message)) {
      const index = this.#pending.findIndex((each) => each.id === message['id']);
      const [pending] = index < 0 ? [] : this.#pending.splice(index, 1);
      pending?.say(message);
      this.#closeIfDone();
      return;
    }
    const receiver = this.#receiverOf(message);
    if (receiver !== undefined) receiver.say(message);
    else if (this.#kept.push(message) > maxKept) this.#kept.shift();
  }

  /** Progress goes with its request; the rest to the client's stream, else to the newest request. */
  #receiverOf(message: JsonObject): Listener | undefined {
    const token = objectAt(message, 'params')['progressToken'];
    const byToken = this.#pending.find(
      (each) => token !== undefined && each.progressToken === token,
    );
    return byToken ?? this.#stream ?? this.#pending.at(-1);
  }

  #closeIfDone(): void {
    if (this.#isRetired && this.#pending.length === 0) this.close();
  }

  #end(reason: 'exited' | 'unreadable'): void {
    if (this.#ended !== undefined) return;
    this.#ended = reason;
    for (const pending of this.#pending.splice(0)) pending.end(reason);
    this.#stream?.end(reason);
    this.onEnd();
  }
}

function bound(listener: Listener): Listener {
  return { say: (message) => listener.say(message), end: (reason) => listener.end(reason) };
}
