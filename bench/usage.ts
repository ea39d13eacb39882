import { readdirSync, readFileSync } from 'node:fs';

/** One process as Linux tells of it; other systems tell nothing, and the table stays empty there. */
interface ProcessFacts {
  readonly pid: number;
  readonly parent: number;
  readonly command: string;
  readonly cpuMs: number;
}

/** A tick of the kernel's clock, as /proc states times; 100 a second on all usual systems. */
const tickMs = 10;

/** All processes of the system at this moment. */
function allProcesses(): ProcessFacts[] {
  try {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .flatMap((name) => factsOf(Number(name)) ?? []);
  } catch {
    return [];
  }
}

function factsOf(pid: number): ProcessFacts | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const [, command = '', rest = ''] = /^\d+ \((.*)\) (.*)$/s.exec(stat) ?? [];
    const fields = rest.split(' ').map(Number);
    const at = (field: number): number => fields[field - 3] ?? 0;
    // Own user and system time, and that of children that have ended.
    const cpuMs = (at(14) + at(15) + at(16) + at(17)) * tickMs;
    return { pid, parent: at(4), command, cpuMs };
  } catch {
    return undefined;
  }
}

/** Processes that count as one: a root with everything it started, or only what has this name below it. */
export interface ProcessGroup {
  readonly name: string;
  readonly root: number;
  /** Counts only processes of this name below the root; without it, only the root itself. */
  readonly below?: string;
  /** Other programs below the root, left out with all that they started. */
  readonly except?: readonly number[];
}

/** CPU time used so far by each group, in milliseconds. */
export function cpuOf(groups: readonly ProcessGroup[]): Map<string, number> {
  const all = allProcesses();
  return new Map(
    groups.map((group) => {
      const used = membersOf(group, all).reduce((sum, each) => sum + each.cpuMs, 0);
      return [group.name, used];
    }),
  );
}

/** Memory of each group in MiB: resident for one process, the proportional share where several share it. */
export function memoryOf(groups: readonly ProcessGroup[]): Map<string, number> {
  const all = allProcesses();
  return new Map(
    groups.map((group) => {
      const field = group.below === undefined ? 'Rss' : 'Pss';
      const used = membersOf(group, all).map(({ pid }) => kilobytesOf(pid, field));
      return [group.name, used.reduce((sum, each) => sum + each, 0) / 1024];
    }),
  );
}

function kilobytesOf(pid: number, field: 'Rss' | 'Pss'): number {
  try {
    const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
    return Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(text)?.[1] ?? 0);
  } catch {
    return 0;
  }
}

function membersOf(group: ProcessGroup, all: readonly ProcessFacts[]): readonly ProcessFacts[] {
  if (group.below === undefined) return all.filter(({ pid }) => pid === group.root);
  return below(group, group.root, all).filter(({ command }) => command === group.below);
}

function below(
  group: ProcessGroup,
  root: number,
  all: readonly ProcessFacts[],
): readonly ProcessFacts[] {
  return all
    .filter(({ parent, pid }) => parent === root && group.except?.includes(pid) !== true)
    .flatMap((child) => [child, ...below(group, child.pid, all)]);
}
