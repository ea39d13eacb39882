import type { Measured } from './measure.js';
import type { RowName } from './rows.js';

/** The middle of some numbers; not a number where there are none. */
function median(values: readonly number[]): number {
  const sorted = values.toSorted((one, other) => one - other);
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? Number.NaN;
}

/** Lines of columns, the first to the left and the others to the right. */
function lines(rows: readonly (readonly string[])[]): string {
  const widths =
    rows[0]?.map((_, at) => Math.max(...rows.map((row) => row[at]?.length ?? 0))) ?? [];
  const line = (row: readonly string[]): string =>
    row
      .map((cell, at) => (at === 0 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0)))
      .join('  ')
      .trimEnd();
  return rows.map(line).join('\n');
}

function number(value: number, digits = 2): string {
  return Number.isFinite(value) ? value.toFixed(digits) : '–';
}

const labels: Readonly<Record<RowName, string>> = {
  direct: 'direct to the upstream',
  nginx: 'through nginx',
  relay: 'through the relay alone',
  'sdk-relay': 'through a relay of SDK classes',
  standalone: 'through standalone',
  floor: 'bare floor: four Kafka hops',
  kafka: 'through the Kafka stack',
};

/** One table for each number of callers: medians of the slices. */
export function speedTables(all: readonly Measured[]): string {
  const byCallers = Map.groupBy(all, ({ callers }) => callers);
  return [...byCallers]
    .map(([callers, measured]) => `${speedTable(callers, measured)}\n`)
    .join('\n');
}

function speedTable(callers: number, measured: readonly Measured[]): string {
  const head = [
    `${callers} ${callers === 1 ? 'caller' : 'callers'}`,
    'p50 ms',
    'p99 ms',
    'calls/s',
    'CPU ms/call: own',
    'database',
    'broker',
    'client+upstream',
    'errors',
    'afterwork s',
  ];
  const rows = [...Map.groupBy(measured, ({ row }) => row)].map(([row, slices]) => {
    const middle = (pick: (slice: Measured) => number): number => median(slices.map(pick));
    return [
      labels[row],
      number(middle((each) => each.p50)),
      number(
        middle((each) => each.p99),
        1,
      ),
      number(
        middle((each) => each.perSecond),
        0,
      ),
      number(middle((each) => each.cpuPerCall.gateway)),
      number(middle((each) => each.cpuPerCall.database)),
      number(middle((each) => each.cpuPerCall.broker)),
      number(middle((each) => each.cpuPerCall.around)),
      String(slices.reduce((sum, each) => sum + each.errors, 0)),
      number(
        middle((each) => each.afterworkSeconds),
        1,
      ),
    ];
  });
  return lines([head, ...rows]);
}

/** What the gateway adds, each round compared with itself: load from outside changes between rounds. */
export function ratioTable(all: readonly Measured[]): string {
  const numbers = [...new Set(all.map(({ callers }) => callers))];
  const compare = (
    one: RowName,
    other: RowName,
    callers: number,
    by: (one: Measured, other: Measured) => number,
  ): string => {
    const of = (row: RowName): Measured[] =>
      all.filter((each) => each.row === row && each.callers === callers);
    const pairs = of(one).flatMap((each) => {
      const partner = of(other).find(({ round }) => round === each.round);
      return partner === undefined ? [] : [by(each, partner)];
    });
    return number(median(pairs));
  };
  const row = (
    label: string,
    one: RowName,
    other: RowName,
    by: (one: Measured, other: Measured) => number,
  ): string[] => [label, ...numbers.map((callers) => compare(one, other, callers, by))];
  return lines([
    ['callers', ...numbers.map(String)],
    row('standalone − direct, p50 ms', 'standalone', 'direct', (a, b) => a.p50 - b.p50),
    row(
      'standalone ÷ direct, calls/s',
      'standalone',
      'direct',
      (a, b) => a.perSecond / b.perSecond,
    ),
    row('nginx − direct, p50 ms', 'nginx', 'direct', (a, b) => a.p50 - b.p50),
    row('relay − direct, p50 ms', 'relay', 'direct', (a, b) => a.p50 - b.p50),
    row('SDK relay − direct, p50 ms', 'sdk-relay', 'direct', (a, b) => a.p50 - b.p50),
    row('kafka ÷ floor, p50', 'kafka', 'floor', (a, b) => a.p50 / b.p50),
    row('kafka ÷ floor, calls/s', 'kafka', 'floor', (a, b) => a.perSecond / b.perSecond),
    row('kafka ÷ floor, own CPU', 'kafka', 'floor', (a, b) => ratioOfCpu(a, b)),
  ]);
}

function ratioOfCpu(one: Measured, other: Measured): number {
  return one.cpuPerCall.gateway / other.cpuPerCall.gateway;
}

/** CPU and memory of each process, over all slices of a number of callers. */
export function processTable(
  all: readonly Measured[],
  memory: ReadonlyMap<RowName, ReadonlyMap<string, number>>,
): string {
  const numbers = [...new Set(all.map(({ callers }) => callers))];
  const head = ['process', 'memory MiB', ...numbers.map((each) => `CPU ms/call at ${each}`)];
  const rows = [...memory].flatMap(([row, groups]) =>
    [...groups].map(([name, mebibytes]) => [
      `${row}: ${name}`,
      number(mebibytes, 0),
      ...numbers.map((callers) =>
        number(
          median(
            all
              .filter((each) => each.row === row && each.callers === callers)
              .map((each) => each.cpuPerCallOf[name] ?? Number.NaN),
          ),
        ),
      ),
    ]),
  );
  return lines([head, ...rows]);
}
