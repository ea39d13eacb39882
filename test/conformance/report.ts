import { type Check, count, type Difference } from './compare.js';

/** A run through a gateway beside the same run without. */
export interface Row {
  readonly target: string;
  readonly suite: string;
  readonly direct: readonly Check[];
  readonly through: readonly Check[];
  readonly differences: readonly Difference[];
  readonly seconds: number;
  /** Calls that were held and signed, where a tool is held. */
  readonly signed?: number;
}

/** True when every check came out alike, and a tool that should be held was. */
export function isAlike({ differences, signed }: Row): boolean {
  return differences.length === 0 && signed !== 0;
}

const head = ['target', 'suite', 'direct', 'through', 'checks', 'differences', 'signed', 'seconds'];

/** One line for each run; passed and failed checks are parted by a stroke. */
export function tableOf(rows: readonly Row[]): string {
  const cells = rows.map(({ differences, direct, seconds, signed, suite, target, through }) => [
    target,
    suite,
    figures(direct),
    figures(through),
    String(through.length),
    String(differences.length),
    String(signed ?? '–'),
    seconds.toFixed(1),
  ]);
  const table = [head, ...cells];
  const widths = head.map((_, at) => Math.max(...table.map((row) => row[at]?.length ?? 0)));
  const line = (row: readonly string[]): string =>
    row.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join('  ');
  return table.map((row) => line(row).trimEnd()).join('\n');
}

/** Every difference with both outcomes. */
export function reportOf(rows: readonly Row[]): string {
  if (rows.length === 0) return 'Nothing was run.';
  const told = rows.flatMap(({ differences, signed, suite, target }) => [
    ...differences.map(({ check, direct, scenario, through }) =>
      [
        `${target}, ${suite}: ${scenario}: ${check}`,
        `  direct:  ${outcome(direct)}`,
        `  through: ${outcome(through)}`,
      ].join('\n'),
    ),
    ...(signed === 0 ? [`${target}, ${suite}: no call was held, so this run shows nothing`] : []),
  ]);
  const every = 'Every check comes out through the gateway as it does without.';
  return told.length === 0 ? every : told.join('\n');
}

function figures(checks: readonly Check[]): string {
  return `${count(checks, 'SUCCESS')}/${count(checks, 'FAILURE')}`;
}

function outcome(check: Check | undefined): string {
  if (check === undefined) return 'not made';
  return check.message === '' ? check.status : `${check.status}: ${check.message}`;
}
