import { randomUUID } from 'node:crypto';
import { Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { Desk } from '../desk.js';

/** A change, and the place in the feed after it. */
export interface FeedChange {
  readonly approvalId: string;
  readonly cursor: string;
}

const kept = 1000;

/**
 * The desk's changes in order, with the last thousand kept, so that a reader who was away for a moment misses
 * nothing. A cursor of another process or of long ago is unknown: its reader has to look at everything anew.
 */
@Injectable()
export class LiveFeed implements OnModuleInit, OnModuleDestroy {
  readonly #run = randomUUID();
  readonly #listeners = new Set<(change: FeedChange) => void>();
  readonly #changes: { readonly approvalId: string; readonly place: number }[] = [];
  #place = 0;
  #stop: (() => void) | undefined;

  constructor(private readonly desk: Desk) {}

  onModuleInit(): void {
    this.#stop = this.desk.onChange((approvalId) => this.#add(approvalId));
  }

  onModuleDestroy(): void {
    this.#stop?.();
  }

  /** The place after everything so far. Taken before a page is read, it loses no change between page and stream. */
  get cursor(): string {
    return this.#cursorAt(this.#place);
  }

  /** What came after the cursor; undefined where that is not known any more. */
  since(cursor: string): readonly FeedChange[] | undefined {
    const [, run, number = ''] = /^([0-9a-f-]{36})\.(\d{1,15})$/.exec(cursor) ?? [];
    const place = Number(number);
    const first = this.#place - this.#changes.length;
    if (run !== this.#run || place < first || place > this.#place) return undefined;
    return this.#changes
      .slice(place - first)
      .map((each) => ({ approvalId: each.approvalId, cursor: this.#cursorAt(each.place) }));
  }

  /** Tells every change from now on; returns how to stop. */
  listen(listener: (change: FeedChange) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  #add(approvalId: string): void {
    this.#place += 1;
    this.#changes.push({ approvalId, place: this.#place });
    if (this.#changes.length > kept) this.#changes.shift();
    const change = { approvalId, cursor: this.cursor };
    for (const listener of this.#listeners) listener(change);
  }

  #cursorAt(place: number): string {
    return `${this.#run}.${place}`;
  }
}
