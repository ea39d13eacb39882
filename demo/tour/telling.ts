/** Writes the tour for a person: headings, sentences, indented facts. */
export class Telling {
  #step = 0;

  constructor(private readonly write: (text: string) => void) {}

  heading(text: string): void {
    this.#step += 1;
    this.write(`\n${this.#step}. ${text}\n${'─'.repeat(text.length + 3)}\n`);
  }

  say(text: string): void {
    this.write(`${text}\n`);
  }

  /** A fact, indented, cut where it gets long. */
  show(label: string, value: string): void {
    const text = value.length > 300 ? `${value.slice(0, 300)}…` : value;
    this.write(`   ${label.padEnd(12)} ${text}\n`);
  }
}

/** Something in the tour did not do what it should. */
export class TourFailed extends Error {
  override readonly name = 'TourFailed';
}

/** @throws TourFailed that names what did not hold. */
export function mustHold(what: string, holds: boolean): void {
  if (!holds) throw new TourFailed(what);
}
