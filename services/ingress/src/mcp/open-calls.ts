import { setTimeout as pause } from 'node:timers/promises';
import type { McpCall } from './mcp-call.js';

/** The calls that are at the gate, for the day the gateway stops. */
export class OpenCalls {
  readonly #open = new Map<McpCall, Promise<void>>();

  /** Runs a call and holds it until it has ended. */
  async run(call: McpCall): Promise<void> {
    const running = call.run();
    this.#open.set(call, running);
    try {
      await running;
    } finally {
      this.#open.delete(call);
    }
  }

  /** Gives up every call that has not run, and ends streams. */
  stop(): void {
    for (const call of this.#open.keys()) call.stop();
  }

  /** Resolves when no call is at the gate any more, or after `timeoutMs`. */
  async settled(timeoutMs: number): Promise<void> {
    const ended = Promise.allSettled(this.#open.values());
    await Promise.race([ended, pause(timeoutMs, undefined, { ref: false })]);
  }
}
