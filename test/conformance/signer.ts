import { setTimeout as pause } from 'node:timers/promises';
import { z } from 'zod';
import { Approver } from '../clients/approver.js';
import { rest } from '../stack/http.js';
import type { Stack } from '../stack/stack.js';
import type { World } from '../stack/world.js';

const pendingSchema = z.object({ approvals: z.array(z.looseObject({ id: z.string() })) });
const lookEveryMs = 100;

/** An approver who takes a while over every approval, and then signs it. */
export class Signer {
  readonly #seen = new Set<string>();
  readonly #ended = new AbortController();
  readonly #approver: Approver;
  readonly #looking: Promise<void>;
  #signed = 0;

  constructor(
    private readonly world: World,
    private readonly stack: Stack,
    private readonly afterMs: number,
  ) {
    this.#approver = new Approver(world, stack);
    this.#looking = this.#look();
  }

  /** How many approvals were signed until now. */
  get signed(): number {
    return this.#signed;
  }

  async close(): Promise<void> {
    this.#ended.abort();
    await this.#looking;
  }

  async #look(): Promise<void> {
    while (!this.#ended.signal.aborted) {
      for (const id of await this.#pending()) {
        if (this.#seen.has(id)) continue;
        this.#seen.add(id);
        void this.#signLater(id);
      }
      await pause(lookEveryMs);
    }
  }

  async #pending(): Promise<string[]> {
    const url = `${this.stack.approvals}/v1/approvals?status=pending&limit=100`;
    const { body } = await rest(url, await this.world.token('approver'));
    return pendingSchema.parse(body).approvals.map(({ id }) => id);
  }

  async #signLater(id: string): Promise<void> {
    await pause(this.afterMs);
    if ((await this.#approver.press(id, 'approve')) < 300) this.#signed += 1;
  }
}
