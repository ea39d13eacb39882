import type { JsonObject } from './message.js';

/** How much is kept, in messages and characters; the oldest go first. */
const most = { messages: 100, characters: 1_048_576 };

/** What a server says while its client does not listen. */
export class Kept {
  #messages: { readonly message: JsonObject; readonly size: number }[] = [];
  #characters = 0;

  add(message: JsonObject): void {
    const size = JSON.stringify(message).length;
    this.#messages.push({ message, size });
    this.#characters += size;
    while (this.#messages.length > most.messages || this.#characters > most.characters) {
      this.#characters -= this.#messages.shift()?.size ?? this.#characters;
    }
  }

  /** All of it, for whoever listens now. */
  take(): readonly JsonObject[] {
    this.#characters = 0;
    return this.#messages.splice(0).map(({ message }) => message);
  }
}
