/** Longest line that is told, in characters. */
const maxLine = 500;
/** How many lines are told in one second. */
const maxLines = 20;

/** Control and format characters, and those that some take for the end of a line. */
const unprintable = /[\p{C}\p{Zl}\p{Zp}]/gu;

/**
 * What a program writes for whoever runs it, line by line, for a log: without characters that could forge one,
 * and no more of it than a log bears. What is beyond that is lost.
 */
export class ErrorLines {
  readonly #decoder = new TextDecoder();
  #unfinished = '';
  #second = Number.NaN;
  #told = 0;

  constructor(private readonly tell: (line: string) => void) {}

  take(bytes: Uint8Array, nowMs = performance.now()): void {
    const [first = '', ...more] = this.#decoder.decode(bytes, { stream: true }).split('\n');
    this.#add(first);
    for (const piece of more) {
      this.#finish(nowMs);
      this.#add(piece);
    }
  }

  /** Told at the end is also what has no end of line. */
  end(nowMs = performance.now()): void {
    this.#finish(nowMs);
  }

  #add(piece: string): void {
    const shown = piece.replaceAll(unprintable, '');
    this.#unfinished += shown.slice(0, maxLine - this.#unfinished.length);
  }

  #finish(nowMs: number): void {
    const line = this.#unfinished.trim();
    this.#unfinished = '';
    const second = Math.floor(nowMs / 1000);
    if (second !== this.#second) this.#told = 0;
    this.#second = second;
    if (line === '' || this.#told >= maxLines) return;
    this.#told += 1;
    this.tell(line);
  }
}
