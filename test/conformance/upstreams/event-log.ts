/** Remembers what went out on every stream, in memory, so that a client that lost one gets the rest. */
export class EventLog<Message extends object> {
  readonly #events: { readonly stream: string; readonly message: Message }[] = [];

  async storeEvent(stream: string, message: Message): Promise<string> {
    return String(this.#events.push({ stream, message }) - 1);
  }

  async getStreamIdForEventId(eventId: string): Promise<string | undefined> {
    return this.#events[Number(eventId)]?.stream;
  }

  /** @throws Error when the client names an event that never was */
  async replayEventsAfter(
    lastEventId: string,
    { send }: { readonly send: (eventId: string, message: Message) => Promise<void> },
  ): Promise<string> {
    const stream = await this.getStreamIdForEventId(lastEventId);
    if (stream === undefined) throw new Error(`There was no event ${lastEventId}`);
    for (const [id, event] of this.#events.entries()) {
      // A priming event has no message.
      const isMissed = id > Number(lastEventId) && event.stream === stream;
      if (isMissed && 'jsonrpc' in event.message) await send(String(id), event.message);
    }
    return stream;
  }
}
