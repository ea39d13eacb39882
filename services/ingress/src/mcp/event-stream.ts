import { createParser, type EventSourceMessage } from 'eventsource-parser';

/** An event of a server-sent stream, with the reconnection time that stood before it. */
export interface StreamEvent extends EventSourceMessage {
  readonly retryMs?: number | undefined;
}

/** A stream that is larger or stranger than is read. */
export class EventStreamError extends Error {
  override readonly name = 'EventStreamError';
}

/**
 * The events of a server-sent stream (HTML, "Server-sent events"), whole ones only: an event cut off by
 * the end of the stream is never handed on. @throws EventStreamError when an event exceeds `maxBytes`.
 */
export async function* eventsOf(
  bytes: AsyncIterable<Uint8Array>,
  maxBytes: number,
): AsyncGenerator<StreamEvent> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  const ready: StreamEvent[] = [];
  let retryMs: number | undefined;
  const parser = createParser({
    maxBufferSize: maxBytes,
    onRetry: (milliseconds) => {
      retryMs = milliseconds;
    },
    onEvent: (event) => {
      ready.push({ ...event, retryMs });
      retryMs = undefined;
    },
    onError: (error) => {
      if (error.type === 'max-buffer-size-exceeded') throw new EventStreamError('event too large');
    },
  });
  for await (const piece of bytes) {
    parser.feed(decoder.decode(piece, { stream: true }));
    yield* ready.splice(0);
  }
}
