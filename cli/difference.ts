/** One line of a difference: only in the old text, only in the new one, or in both. */
export interface DifferentLine {
  readonly mark: '-' | '+' | ' ';
  readonly text: string;
}

/** Pairs of lines that are compared at most: beyond, all of the old is shown as gone and all of the new as come. */
const maxPairs = 9_000_000;
/** Lines in both that are shown around what differs. */
const around = 2;

/** JSON over several lines, members in order of their names, texts broken where they break. */
export function linesOf(value: unknown): readonly string[] {
  if (value === null || value === undefined) return [];
  return JSON.stringify(value, sorted, 2)
    .split('\n')
    .flatMap((line) => brokenAt(line));
}

/** What a reader has to see of a change: the lines that differ, and a few around them. Nothing where all are the same. */
export function difference(before: readonly string[], after: readonly string[]): DifferentLine[] {
  const all =
    before.length * after.length > maxPairs ? replaced(before, after) : compared(before, after);
  const isNear = all.map((_, at) =>
    all.slice(Math.max(at - around, 0), at + around + 1).some(({ mark }) => mark !== ' '),
  );
  return all.filter((_, at) => isNear[at]);
}

function replaced(before: readonly string[], after: readonly string[]): DifferentLine[] {
  return [
    ...before.map((text) => ({ mark: '-' as const, text })),
    ...after.map((text) => ({ mark: '+' as const, text })),
  ];
}

/** By the longest common subsequence. */
function compared(before: readonly string[], after: readonly string[]): DifferentLine[] {
  const common = commonLengths(before, after);
  const width = after.length + 1;
  const lengthAt = (b: number, a: number): number => common[b * width + a] ?? 0;
  const lines: DifferentLine[] = [];
  let [b, a] = [0, 0];
  while (b < before.length || a < after.length) {
    const [old, next] = [before[b], after[a]];
    if (old !== undefined && old === next) {
      lines.push({ mark: ' ', text: old });
      b += 1;
      a += 1;
    } else if (
      next === undefined ||
      (old !== undefined && lengthAt(b + 1, a) >= lengthAt(b, a + 1))
    ) {
      lines.push({ mark: '-', text: old ?? '' });
      b += 1;
    } else {
      lines.push({ mark: '+', text: next });
      a += 1;
    }
  }
  return lines;
}

/** How many lines the rest of both texts have in common, from each pair of places on. */
function commonLengths(before: readonly string[], after: readonly string[]): Uint16Array {
  const width = after.length + 1;
  const lengths = new Uint16Array((before.length + 1) * width);
  for (let b = before.length - 1; b >= 0; b -= 1) {
    for (let a = after.length - 1; a >= 0; a -= 1) {
      const [below, right, across] = [
        (b + 1) * width + a,
        b * width + a + 1,
        (b + 1) * width + a + 1,
      ];
      lengths[b * width + a] =
        before[b] === after[a]
          ? (lengths[across] ?? 0) + 1
          : Math.max(lengths[below] ?? 0, lengths[right] ?? 0);
    }
  }
  return lengths;
}

function sorted(_: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

/** A long description in one line would hide what changed in it. */
function brokenAt(line: string): string[] {
  return line.split(/(?<=[^\\](?:\\\\)*\\n)/);
}
