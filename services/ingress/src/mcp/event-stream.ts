import { createParser } from 'eventsource-parser';

/** A stream that is larger or stranger than is read. */
export class EventStreamError extends Error {
  override readonly name = 'EventStreamError';
}

/** One event of a stream. */
export interface StreamEvent {
  /** Empty for an event that only tells where the stream may be taken up again. */
  readonly data: string;
  /** `message` unless the server says otherwise. */
  readonly type: string;
  /** Where the stream can be taken up again after this event, in the server's own words. */
  readonly id?: string;
  /** How long a client is to wait before it does, in milliseconds. */
  readonly retryMs?: number;
}

/** How much a stream may say, in bytes: in one event, and in all. */
export interface StreamLimits {
  readonly maxAnswerBytes: number;
  readonly maxStreamBytes: number;
}

const maxRetryMs = 3_600_000;

/**
 * The events of a server-sent stream (HTML, "Server-sent events"), whole ones only: an event cut off by
 * the end of the stream is never handed on.
 * @throws EventStreamError when an event, or all of them together, are larger than allowed.
 */
export async function* eventsOf(
  bytes: AsyncIterable<Uint8Array>,
  { maxAnswerBytes, maxStreamBytes }: StreamLimits,
): AsyncGenerator<StreamEvent> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  const ready: StreamEvent[] = [];
  let retryMs: number | undefined;
  const parser = createParser({
    maxBufferSize: maxAnswerBytes,
    onEvent: ({ data, event = 'message', id }) => {
      // The parser counts only what has to wait for its rest.
      if (data.length > maxAnswerBytes) throw new EventStreamError('event too large');
      const mark = {
        ...(id === undefined || id === '' ? {} : { id }),
        ...(retryMs === undefined ? {} : { retryMs }),
      };
      ready.push({ data, type: event, ...mark });
      retryMs = undefined;
    },
    onRetry: (wished) => {
      retryMs = Math.min(wished, maxRetryMs);
    },
    onError: (error) => {
      if (error.type === 'max-buffer-size-exceeded') throw new EventStreamError('event too large');
    },
  });
  let size = 0;
  for await (const piece of bytes) {
    size += piece.length;
    if (size > maxStreamBytes) throw new EventStreamError('stream too large');
    parser.feed(decoder.decode(piece, { stream: true }));
    yield* ready.splice(0);
  }
}
