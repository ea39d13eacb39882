import { Logger } from '@nestjs/common';

/** Pause after a pass that failed, milliseconds: the database is probably away. */
const troublePauseMs = 500;

/**
 * Runs a pass again and again: at once while it says that there is more, else after a pause that
 * `wake` cuts short. A failing pass is logged when the failing begins and ends, and never ends the loop.
 */
export class Loop {
  readonly #logger: Logger;
  #running: Promise<void> | undefined;
  #isStopped = false;
  #isAwake = false;
  #isTroubled = false;
  #ring: () => void = () => undefined;

  constructor(
    name: string,
    private readonly pauseMs: number,
    private readonly pass: () => Promise<boolean>,
  ) {
    this.#logger = new Logger(name);
  }

  start(): void {
    this.#running ??= this.#run();
  }

  wake(): void {
    this.#isAwake = true;
    this.#ring();
  }

  /** Resolves when the pass in hand has ended. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.wake();
    await this.#running;
  }

  async #run(): Promise<void> {
    while (!this.#isStopped) {
      this.#isAwake = false;
      const hasMore = await this.#tryPass();
      if (!hasMore && !this.#isAwake && !this.#isStopped) await this.#rest();
    }
  }

  async #tryPass(): Promise<boolean> {
    try {
      const hasMore = await this.pass();
      if (this.#isTroubled) this.#logger.log('goes on');
      this.#isTroubled = false;
      return hasMore;
    } catch (error) {
      if (!this.#isTroubled) this.#logger.warn(`stands still: ${String(error)}`);
      this.#isTroubled = true;
      return false;
    }
  }

  async #rest(): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, this.#isTroubled ? troublePauseMs : this.pauseMs);
      this.#ring = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#ring = () => undefined;
  }
}
