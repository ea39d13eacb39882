/** The environment variable that names the mutant of a test run. */
export const mutantVariable = 'COUNTERSIGN_MUTANT';

/** One guard of one law, taken away, and the test that has to notice. */
export interface Mutant {
  /** The law that the guard keeps; ARCHITECTURE.md lists them. */
  readonly law: number;
  /** What happens without the guard. */
  readonly name: string;
  readonly file: string;
  /** Stands exactly once in the file. */
  readonly snippet: string;
  readonly replacement: string;
  /** The spec that notices. */
  readonly spec: string;
  /** A part of the full name of the test that must fail. */
  readonly test: string;
}

/** Source code with the guard taken away. @throws Error unless the snippet stands in it exactly once. */
export function withoutGuard(code: string, mutant: Mutant): string {
  const [before = '', after, ...more] = code.split(mutant.snippet);
  if (after === undefined || more.length > 0) {
    const count = after === undefined ? 'not' : 'more than once';
    throw new Error(`mutant "${mutant.name}" is stale: its snippet is ${count} in ${mutant.file}`);
  }
  return `${before}${mutant.replacement}${after}`;
}
