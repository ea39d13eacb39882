import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { clientNames } from '../../cli/clients/clients.js';
import { run } from '../../cli/program.js';

const page = readFileSync('docs/clients.md', 'utf8');
const command = 'npx countersign ';

/** A command of the page, and the blocks that stand below it: what it prints. */
interface Shown {
  readonly words: readonly string[];
  readonly blocks: { readonly language: string; readonly text: string }[];
}

const shown: Shown[] = [];
for (const [, language = '', text = ''] of page.matchAll(/^```(\w+)\n([^]*?)^```$/gm)) {
  if (text.startsWith(command)) {
    shown.push({ words: text.slice(command.length).trim().split(' '), blocks: [] });
  } else {
    shown.at(-1)?.blocks.push({ language, text });
  }
}

test.each(shown.map((each) => [each.words.join(' '), each] as const))(
  'when %s is run, then it prints what the page shows',
  async (_, { blocks, words }) => {
    let out = '';
    let all = '';
    const code = await run(words, {
      environment: {},
      write: (text) => void ([out, all] = [out + text, all + text]),
      writeError: (text) => void (all += text),
    });

    expect(code).toBe(0);
    expect(blocks).not.toEqual([]);
    for (const { language, text } of blocks) {
      if (language === 'json') expect(JSON.parse(text)).toEqual(JSON.parse(out));
      else expect(all).toContain(text);
    }
  },
);

test('when a client can be configured, then the page shows how', () => {
  expect(new Set(shown.map(({ words }) => words[1]))).toEqual(new Set(clientNames));
});
