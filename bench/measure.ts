import { setTimeout as pause } from 'node:timers/promises';
import type { Part, Row, RowName } from './rows.js';
import type { Job, Slice } from './slice.js';
import { cpuOf } from './usage.js';

/** One slice of one row. */
export interface Measured extends Slice {
  readonly row: RowName;
  readonly callers: number;
  readonly round: number;
  /** CPU time of each part of the row in milliseconds for each call, work left over afterwards included. */
  readonly cpuPerCall: Readonly<Record<Part, number>>;
  /** The same for each process or group. */
  readonly cpuPerCallOf: Readonly<Record<string, number>>;
  /** How long after the last answer the row still worked: records being stored. */
  readonly afterworkSeconds: number;
}

const lookMs = 250;
const longestWaitMs = 20_000;
/** A row is quiet when it uses less than this share of one core. */
const quietShare = 0.2;

/** Makes calls until a row is warm. @throws Error when it does not answer rightly. */
export async function warmUp(row: Row): Promise<void> {
  const { slice } = await ask(row, { callers: 16, seconds: 0, calls: row.warmUpCalls });
  if (slice.errors > 0) throw new Error(`${row.name}: ${slice.errors} errors, ${slice.firstError}`);
  await quiet(row);
}

/** Measures one slice, and waits until nothing of it is left to do. */
export async function measure(
  row: Row,
  job: { readonly callers: number; readonly seconds: number; readonly round: number },
): Promise<Measured> {
  const { callers, round, seconds } = job;
  const before = cpuOf(row.groups);
  const { slice } = await ask(row, { callers, seconds, calls: 0 });
  const endedMs = performance.now();
  const quietMs = await quiet(row);
  const after = cpuOf(row.groups);
  const calls = slice.calls + slice.errors;
  const spent = (name: string): number =>
    ((after.get(name) ?? 0) - (before.get(name) ?? 0)) / Math.max(1, calls);
  const cpuPerCall = { gateway: 0, database: 0, broker: 0, around: 0 };
  for (const { name, part } of row.groups) cpuPerCall[part] += spent(name);
  return {
    ...slice,
    row: row.name,
    callers,
    round,
    cpuPerCall,
    cpuPerCallOf: Object.fromEntries(row.groups.map(({ name }) => [name, spent(name)])),
    afterworkSeconds: Math.max(0, quietMs - endedMs) / 1000,
  };
}

async function ask(row: Row, job: Job): Promise<{ slice: Slice }> {
  return row.client.ask<{ slice: Slice }>(job);
}

/** Waits until the row works no more, and gives the time when it began to be so. */
async function quiet(row: Row): Promise<number> {
  const limit = performance.now() + longestWaitMs;
  for (;;) {
    const sinceMs = performance.now();
    const before = total(row);
    await pause(lookMs);
    const passedMs = performance.now() - sinceMs;
    if (total(row) - before < passedMs * quietShare) return sinceMs;
    if (performance.now() > limit) return performance.now();
  }
}

function total(row: Row): number {
  return [...cpuOf(row.groups).values()].reduce((sum, each) => sum + each, 0);
}
