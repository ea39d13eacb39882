import { resolve } from 'node:path';
import type { Plugin } from 'vitest/config';
import { withoutGuard } from './mutant.js';
import { mutants } from './mutants.js';

/**
 * Takes the guard of the mutant of this name away while its file is loaded; the file itself stays as it is.
 * Without a name there is no plugin. @throws Error for a name that no mutant has.
 */
export function mutantPlugin(name: string | undefined): Plugin | undefined {
  if (name === undefined) return undefined;
  const mutant = mutants.find((each) => each.name === name);
  if (mutant === undefined) throw new Error(`there is no mutant "${name}"`);
  const file = resolve(import.meta.dirname, '../..', mutant.file);
  return {
    name: 'countersign-mutant',
    enforce: 'pre',
    // What is loaded without its guard must never be found in the cache by another run.
    configureVitest({ defineCacheKeyGenerator }) {
      defineCacheKeyGenerator(({ id }) => (isFile(id, file) ? false : undefined));
    },
    transform: (code, id) => (isFile(id, file) ? withoutGuard(code, mutant) : undefined),
  };
}

function isFile(id: string, file: string): boolean {
  return id.split('?')[0] === file;
}
