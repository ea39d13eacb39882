/** Characters of text in one bus message: well below a broker's usual limit of 1 MB. */
const chunkCharacters = 180_000;

/** Cuts text into pieces that fit into one bus message each; at least one, maybe empty. */
export function toChunks(text: string): string[] {
  if (text.length <= chunkCharacters) return [text];
  const count = Math.ceil(text.length / chunkCharacters);
  return Array.from({ length: count }, (_, index) =>
    text.slice(index * chunkCharacters, (index + 1) * chunkCharacters),
  );
}

/** One chunk of a part. */
export interface Chunk {
  readonly chunk: number;
  readonly chunks: number;
  readonly text: string;
}

/** Puts the chunks of one part together again. Chunks may come more than once. */
export class PartAssembly {
  readonly #texts: (string | undefined)[];
  #missing: number;

  constructor(private readonly chunks: number) {
    this.#texts = Array.from({ length: chunks });
    this.#missing = chunks;
  }

  /** The whole text once every chunk has come. @throws RangeError for a chunk that does not belong. */
  add({ chunk, chunks, text }: Chunk): string | undefined {
    if (chunks !== this.chunks || chunk >= chunks) throw new RangeError('a chunk of another part');
    if (this.#texts[chunk] === undefined) this.#missing -= 1;
    this.#texts[chunk] = text;
    return this.#missing === 0 ? this.#texts.join('') : undefined;
  }
}
