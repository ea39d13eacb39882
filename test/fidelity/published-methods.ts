import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

/** Methods and notifications of the published schemas of both eras; the official suite carries these. */
export function publishedMethods(): string[] {
  const suite = dirname(createRequire(import.meta.url).resolve('conformance-next/package.json'));
  const source = readFileSync(join(suite, 'dist', 'index.js'), 'utf8');
  const named = [...source.matchAll(/method:\{const:`([^`]+)`/g)].map(([, method = '']) => method);
  return [...new Set(named)].toSorted();
}
