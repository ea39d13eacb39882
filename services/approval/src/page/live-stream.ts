import type { Response } from 'express';
import type { FeedChange } from './live-feed.js';

/** How a stream asks whether its reader may still read, and what of it. */
export interface StreamReader {
  /** Those of the approvals that the reader may see; undefined for somebody who is signed in no more. */
  visible(approvalIds: readonly string[]): Promise<readonly string[] | undefined>;
}

/** Changes that come together are told together, milliseconds. */
const gatherMs = 50;
/** With more at once, the reader looks at everything anew instead. */
const mostAtOnce = 25;
/** The reader's sign-in is looked at again after so many signs of life. */
const beatsPerLook = 3;
/** A reader that takes nothing off the wire is let go and comes back by itself, bytes. */
const mostUnread = 256 * 1024;

/**
 * One stream of server-sent events: `changed` with an id, `all` (look at everything anew), `beat` (sign of life) and
 * `ended` (signed out). Nothing is told to a reader who may not see it.
 */
export class LiveStream {
  readonly #pending = new Set<string>();
  #mustLookAnew = false;
  /** Place in the feed up to which everything is gathered, and up to which everything is told. */
  #gathered: string;
  #told: string | undefined;
  #flush: NodeJS.Timeout | undefined;
  #beats = 0;
  readonly #beat: NodeJS.Timeout;

  constructor(
    private readonly response: Response,
    private readonly reader: StreamReader,
    /** The place of the feed now. */
    cursor: string,
    beatMs: number,
  ) {
    this.#gathered = cursor;
    response.writeHead(200, { 'content-type': 'text/event-stream', 'x-accel-buffering': 'no' });
    response.write('retry: 1000\n\n');
    this.#tell('beat');
    this.#beat = setInterval(() => this.#onBeat(), beatMs);
  }

  /** A change that the reader may have to know. */
  add({ approvalId, cursor }: FeedChange): void {
    this.#pending.add(approvalId);
    this.#gathered = cursor;
    this.#lookSoon();
  }

  /** Something was missed: the reader looks at everything anew. */
  lookAnew(): void {
    this.#mustLookAnew = true;
    this.#lookSoon();
  }

  /** Ends the stream; the reader comes back by itself. */
  close(): void {
    clearInterval(this.#beat);
    clearTimeout(this.#flush);
    this.response.end();
  }

  async #tellPending(): Promise<void> {
    const ids = [...this.#pending];
    const upTo = this.#gathered;
    const isEverything = this.#mustLookAnew || ids.length > mostAtOnce;
    this.#pending.clear();
    this.#mustLookAnew = false;
    try {
      const visible = await this.reader.visible(isEverything ? [] : ids);
      if (visible === undefined) return this.#endSignedOut();
      if (isEverything) this.#tell('all');
      for (const id of visible) this.#tell('changed', id);
      this.#told = upTo;
      this.#tell('beat');
    } catch {
      // Whether the reader may know cannot be told now: looking anew asks again, and knows when it fails.
      this.#tell('all');
    } finally {
      this.#flush = undefined;
      if (this.#pending.size > 0 || this.#mustLookAnew) this.#lookSoon();
    }
  }

  #lookSoon(): void {
    this.#flush ??= setTimeout(() => void this.#tellPending(), gatherMs);
  }

  #onBeat(): void {
    this.#beats += 1;
    if (this.#beats % beatsPerLook === 0) void this.#lookAtReader();
    this.#tell('beat');
  }

  async #lookAtReader(): Promise<void> {
    // An outage ends nobody's stream: nothing is told without asking anyway.
    const visible = await this.reader.visible([]).catch(() => []);
    if (visible === undefined) this.#endSignedOut();
  }

  #endSignedOut(): void {
    this.#tell('ended');
    this.close();
  }

  /** Only signs of life carry the place, after what leads there: who breaks off in between is told again. */
  #tell(event: 'changed' | 'all' | 'beat' | 'ended', data = ''): void {
    if (this.response.writableEnded) return;
    const place = event === 'beat' && this.#told !== undefined ? `id: ${this.#told}\n` : '';
    this.response.write(`event: ${event}\n${place}data: ${data}\n\n`);
    if (this.response.writableLength > mostUnread) this.response.destroy();
  }
}
