import { readdirSync, readFileSync, existsSync } from 'node:fs';
import { SourceMap } from 'node:module';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { warmUp, measure } from './measure.js';
import { Rows } from './rows.js';
import type { World } from './world.js';

/** The parts of a `.cpuprofile` that are read here; times in microseconds. */
interface CpuProfile {
  readonly nodes: readonly ProfileNode[];
  readonly startTime: number;
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

interface ProfileNode {
  readonly id: number;
  readonly callFrame: CallFrame;
  readonly children?: readonly number[];
}

interface CallFrame {
  readonly functionName: string;
  readonly url: string;
  readonly lineNumber: number;
  readonly columnNumber: number;
}

const callers = 16;
/** A profile needs more samples than a figure. */
const slices = 3;
const shown = 40;

/** Runs a service under load with V8's profiler, and tells where its CPU time went. */
export async function profile(
  service: string,
  seconds: number,
  world: World,
  cleanUp: (() => Promise<unknown>)[],
): Promise<string> {
  const flags = ['--cpu-prof', `--cpu-prof-dir=${world.folder}`, '--cpu-prof-interval=500'];
  const rows = new Rows(world, (name) => (name === service ? flags : []));
  cleanUp.push(async () => rows.close());
  const row = await rows.start(service === 'standalone' ? 'standalone' : 'kafka');
  const program = row.programs.find(({ name }) => name === service);
  if (program === undefined) throw new Error(`there is no service ${service}`);
  await warmUp(row);
  const from = nowMicroseconds();
  const measured = await measure(row, { callers, seconds: slices * seconds, round: 1 });
  const until = nowMicroseconds();
  await program.stop();
  const file = readdirSync(world.folder).find((name) => name.endsWith('.cpuprofile'));
  if (file === undefined) throw new Error(`no profile was written\n${program.written}`);
  const read: CpuProfile = JSON.parse(readFileSync(join(world.folder, file), 'utf8'));
  const { calls, cpuPerCallOf, p50, perSecond } = measured;
  const head = `${service}, ${callers} callers: ${calls} calls, p50 ${p50.toFixed(2)} ms, ${perSecond.toFixed(0)}/s, ${(cpuPerCallOf[service] ?? 0).toFixed(3)} ms CPU a call`;
  return `${head}\n\n${report(read, { from, until, calls })}`;
}

/** The clock of V8's profiler. */
function nowMicroseconds(): number {
  return Number(process.hrtime.bigint() / 1000n);
}

interface Frame {
  readonly label: string;
  readonly file: string;
}

/** Lists in microseconds for each call: what ran, whose code it was, and which of our functions asked for it. */
function report(
  read: CpuProfile,
  { from, until, calls }: { readonly from: number; readonly until: number; readonly calls: number },
): string {
  const byId = new Map(read.nodes.map((node) => [node.id, node]));
  const parents = new Map(
    read.nodes.flatMap((node) => (node.children ?? []).map((child) => [child, node.id] as const)),
  );
  const name = namer();
  const self = new Map<string, number>();
  const files = new Map<string, number>();
  const owners = new Map<string, number>();
  const whole = new Map<string, number>();
  let at = read.startTime;
  for (const [index, id] of read.samples.entries()) {
    const delta = read.timeDeltas[index] ?? 0;
    at += delta;
    const stack: Frame[] = [];
    for (let up: number | undefined = id; up !== undefined; up = parents.get(up)) {
      const node = byId.get(up);
      if (node !== undefined) stack.push(name(node.callFrame));
    }
    const [leaf] = stack;
    const isWork = leaf !== undefined && !['(idle)', '(program)'].includes(leaf.label);
    if (!isWork || at < from || at > until) continue;
    add(self, textOf(leaf), delta);
    add(files, groupOf(leaf.file), delta);
    add(owners, textOf(ownerOf(stack)), delta);
    for (const frame of new Set(stack.filter(isOurs).map(textOf))) add(whole, frame, delta);
  }
  const sum = [...self.values()].reduce((all, each) => all + each, 0);
  return [
    `what ran: function (${Math.round(sum / calls)} µs a call in all)`,
    top(self, sum, calls),
    '\nwhat ran: file or package',
    top(files, sum, calls),
    '\nwho asked for it: the nearest function of ours, else the nearest package',
    top(owners, sum, calls),
    '\nour functions with all that they called',
    top(whole, sum, calls),
  ].join('\n');
}

function textOf({ file, label }: Frame): string {
  return `${label}  ${file}`;
}

function isOurs({ file }: Frame): boolean {
  return /^(services|libs)\//.test(file);
}

/** The one in a stack, innermost first, that time is counted for. */
function ownerOf(stack: readonly Frame[]): Frame {
  const ours = stack.find(isOurs);
  if (ours !== undefined) return ours;
  const foreign = stack.find(({ file }) => file.includes('node_modules/'));
  if (foreign !== undefined) return { label: 'package', file: groupOf(foreign.file) };
  // The outermost frame below the root tells which part of Node it was.
  return stack.at(-2) ?? { label: '(root)', file: '' };
}

function add(sums: Map<string, number>, key: string, value: number): void {
  sums.set(key, (sums.get(key) ?? 0) + value);
}

function top(sums: ReadonlyMap<string, number>, whole: number, calls: number): string {
  return [...sums]
    .toSorted(([, one], [, other]) => other - one)
    .slice(0, shown)
    .map(([key, spent]) => {
      const share = `${((spent / whole) * 100).toFixed(1)} %`.padStart(7);
      return `${share}  ${(spent / calls).toFixed(1).padStart(7)} µs  ${key}`;
    })
    .join('\n');
}

/** A package by its name, our own code by its file. */
function groupOf(file: string): string {
  return /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(file)?.[1] ?? file.replace(/:\d+$/, '');
}

/** Gives a frame its name and its place in the sources, where a map tells it. */
function namer(): (frame: CallFrame) => { readonly label: string; readonly file: string } {
  const maps = new Map<string, SourceMap | undefined>();
  return ({ columnNumber, functionName, lineNumber, url }) => {
    const label = functionName || '(anonymous)';
    if (!url.startsWith('file:')) return { label, file: url || '(native)' };
    const path = fileURLToPath(url);
    if (!maps.has(path)) maps.set(path, mapOf(path));
    const entry = maps.get(path)?.findEntry(lineNumber, columnNumber);
    const source = entry !== undefined && 'originalSource' in entry ? entry : undefined;
    if (source === undefined) return { label, file: `${relative('.', path)}:${lineNumber + 1}` };
    const file = source.originalSource.replace(/^.*?(?=(services|libs|demo)\/)/, '');
    return { label, file: `${file}:${source.originalLine + 1}` };
  };
}

function mapOf(path: string): SourceMap | undefined {
  const file = `${path}.map`;
  return existsSync(file) ? new SourceMap(JSON.parse(readFileSync(file, 'utf8'))) : undefined;
}
