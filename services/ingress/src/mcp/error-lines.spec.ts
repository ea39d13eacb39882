import { expect, test } from 'vitest';
import { ErrorLines } from './error-lines.js';

const told = (pieces: readonly (string | Buffer)[], nowMs = 0): string[] => {
  const lines: string[] = [];
  const errors = new ErrorLines((line) => lines.push(line));
  for (const piece of pieces) errors.take(Buffer.from(piece), nowMs);
  errors.end(nowMs);
  return lines;
};

test('when lines come in pieces, then each is told once, whole, and without empty ones', () => {
  expect(told(['on', 'e\r\ntw', 'o\n\n', 'three'])).toEqual(['one', 'two', 'three']);
});

test('when a character comes in two pieces, then it is one', () => {
  const [first, second] = [Buffer.from([0xc3]), Buffer.from([0xa9, 0x0a])];

  expect(told([first, second])).toEqual(['é']);
});

test('when a line could forge another or colour the terminal, then those characters are left out', () => {
  expect(told(['a\u001b[31mb\u2028c\u202ed\u0000e\n'])).toEqual(['a[31mbcde']);
});

test('when a line is long, then 500 characters of it are told, however it comes', () => {
  expect(told(['x'.repeat(499), 'yz', 'z'.repeat(100_000), '\nnext'])).toEqual([
    `${'x'.repeat(499)}y`,
    'next',
  ]);
});

test('when a program writes more than 20 lines in a second, then the rest of that second is not told', () => {
  const lines: string[] = [];
  const errors = new ErrorLines((line) => lines.push(line));

  errors.take(Buffer.from('first\n'.repeat(100)), 1500);
  errors.take(Buffer.from('second\n'), 1999);
  errors.take(Buffer.from('third\n'), 2000);

  expect(lines).toEqual([...Array.from({ length: 20 }, () => 'first'), 'third']);
});
