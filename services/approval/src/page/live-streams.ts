import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import type { Response } from 'express';
import { ApprovalError } from '../approval-error.js';
import { Desk } from '../desk.js';
import { LiveFeed } from './live-feed.js';
import { Doorkeeper, type Visitor } from './doorkeeper.js';
import { LiveStream, type StreamReader } from './live-stream.js';
import { PageRefusal } from './page-refusal.js';

/** Open streams of one session, and of all. */
const mostOfSession = 12;
const mostOfAll = 2000;

/** All open streams of this process. */
@Injectable()
export class LiveStreams implements OnModuleDestroy {
  readonly #open = new Map<LiveStream, string>();
  #isClosing = false;

  constructor(
    private readonly feed: LiveFeed,
    private readonly desk: Desk,
    private readonly doorkeeper: Doorkeeper,
    private readonly beatMs: number,
  ) {}

  onModuleDestroy(): void {
    this.#isClosing = true;
    for (const stream of this.#open.keys()) stream.close();
  }

  /** Tells the visitor what changes after the cursor, until one of the two goes. @throws PageRefusal */
  open(response: Response, visitor: Visitor, cursor: string): void {
    const { sessionId } = visitor;
    const ofSession = [...this.#open.values()].filter((each) => each === sessionId).length;
    const isFull = ofSession >= mostOfSession || this.#open.size >= mostOfAll;
    if (isFull || this.#isClosing) {
      throw new PageRefusal('STREAMS_EXHAUSTED', 'Too many pages are open at once.');
    }
    const missed = this.feed.since(cursor);
    const stream = new LiveStream(response, this.#reader(sessionId), this.feed.cursor, this.beatMs);
    this.#open.set(stream, sessionId);
    const stop = this.feed.listen((change) => stream.add(change));
    if (missed === undefined) stream.lookAnew();
    else for (const change of missed) stream.add(change);
    response.once('close', () => {
      stop();
      stream.close();
      this.#open.delete(stream);
    });
  }

  /** Asks about the visitor each time: a session that ended, or a person moved to other groups, sees no more. */
  #reader(sessionId: string): StreamReader {
    return {
      visible: async (approvalIds) => {
        const visitor = await this.doorkeeper.visitor(sessionId, false);
        if (visitor === undefined) return undefined;
        const visible: string[] = [];
        for (const id of approvalIds) if (await this.#maySee(visitor, id)) visible.push(id);
        return visible;
      },
    };
  }

  async #maySee(visitor: Visitor, id: string): Promise<boolean> {
    try {
      await this.desk.view(visitor.principal, id);
      return true;
    } catch (error) {
      if (error instanceof ApprovalError) return false;
      throw error;
    }
  }
}
