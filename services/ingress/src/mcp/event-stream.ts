import { createParser } from 'eventsource-parser';

/** A stream that is larger or stranger than is read. */
export class EventStreamError extends Error {
  override readonly name = 'EventStreamError';
}

/**
 * The data of the events of a server-sent stream (HTML, "Server-sent events"), whole ones only: an event
 * cut off by the end of the stream is never handed on. Ids and reconnection times are left behind: they
 * are text of the server that no mask sees, and an id would open another call's answer.
 * @throws EventStreamError when an event exceeds `maxBytes`.
 */
export async function* eventsOf(
  bytes: AsyncIterable<Uint8Array>,
  maxBytes: number,
): AsyncGenerator<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  const ready: string[] = [];
  const parser = createParser({
    maxBufferSize: maxBytes,
    onEvent: ({ data }) => void ready.push(data),
    onError: (error) => {
      if (error.type === 'max-buffer-size-exceeded') throw new EventStreamError('event too large');
    },
  });
  for await (const piece of bytes) {
    parser.feed(decoder.decode(piece, { stream: true }));
    yield* ready.splice(0);
  }
}
