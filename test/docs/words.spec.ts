import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';

const documents = [
  'README.md',
  'ARCHITECTURE.md',
  'CONTRIBUTING.md',
  'SECURITY.md',
  'CHANGELOG.md',
  'compose/README.md',
  ...readdirSync('docs')
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
  ...readdirSync('docs/decisions').map((name) => `docs/decisions/${name}`),
];
const scripts: Record<string, string> = JSON.parse(readFileSync('package.json', 'utf8')).scripts;
const builtIn = new Set(['ci', 'install', 'test', 'start']);

const files = readdirSync('.', { recursive: true, encoding: 'utf8' }).filter(
  (path) => !/(^|\/)(node_modules|dist|\.git)\//.test(path),
);

describe.each(documents)('%s', (document) => {
  const text = readFileSync(document, 'utf8');

  test('when it links to a file, then the file is there', () => {
    const links = [...text.matchAll(/\]\((?!https?:|#)([^)#\s]+)/g)].map(([, link]) => link ?? '');

    expect(links.filter((link) => !existsSync(join(dirname(document), link)))).toEqual([]);
  });

  test('when it names an npm script, then there is one', () => {
    const named = [...text.matchAll(/npm run (?:-s )?([\w:-]+)/g)].map(([, name]) => name ?? '');

    expect(named.filter((name) => !(name in scripts) && !builtIn.has(name))).toEqual([]);
  });

  test('when it names a TypeScript file, then there is one', () => {
    const named = [...text.matchAll(/`([\w./-]+\.ts)`/g)].map(([, name]) => name ?? '');
    const missing = named.filter((name) => !files.some((path) => path.endsWith(name)));

    expect(missing).toEqual([]);
  });
});
