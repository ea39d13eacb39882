const maxRemembered = 1000;

/** Remembers answers for a moment, and lets those who ask for the same at once share one. Failures are not remembered. */
export class BriefMemory<T> {
  readonly #known = new Map<string, { readonly untilMs: number; readonly value: Promise<T> }>();

  constructor(private readonly lifeMs: number) {}

  async get(name: string, ask: () => Promise<T>): Promise<T> {
    const known = this.#known.get(name);
    if (known !== undefined && performance.now() < known.untilMs) return known.value;
    const value = ask();
    this.#known.delete(name);
    this.#known.set(name, { untilMs: performance.now() + this.lifeMs, value });
    value.catch(() => this.#known.delete(name));
    const [oldest] = this.#known.keys();
    if (this.#known.size > maxRemembered && oldest !== undefined) this.#known.delete(oldest);
    return value;
  }
}
