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
  const measured = await measure(row, { callers, seconds, round: 1 });
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

/** Three lists in microseconds for each call: by function, by file or package, and with all that was called. */
function report(
  read: CpuProfile,
  { from, until, calls }: { readonly from: number; readonly until: number; readonly calls: number },
): string {
  const byId = new Map(read.nodes.map((node) => [node.id, node]));
  const parents = new Map(
    read.nodes.flatMap((node) => (node.children ?? []).map((child) => [child, node.id] as const)),
  );
  const name = namer();
  const [self, files, whole] = [
    new Map<string, number>(),
    new Map<string, number>(),
    new Map<string, number>(),
  ];
  let at = read.startTime;
  for (const [index, id] of read.samples.entries()) {
    const delta = read.timeDeltas[index] ?? 0;
    at += delta;
    const node = byId.get(id);
    if (node === undefined || at < from || at > until) continue;
    const { file, label } = name(node.callFrame);
    if (label === '(idle)' || label === '(program)') continue;
    add(self, `${label}  ${file}`, delta);
    add(files, groupOf(file), delta);
    const stack = new Set<string>();
    for (let up: number | undefined = id; up !== undefined; up = parents.get(up)) {
      const frame = name(byId.get(up)!.callFrame);
      stack.add(`${frame.label}  ${frame.file}`);
    }
    for (const frame of stack) add(whole, frame, delta);
  }
  const sum = [...self.values()].reduce((all, each) => all + each, 0);
  const ours = new Map([...whole].filter(([label]) => !label.startsWith('(')));
  return [
    `by function (${Math.round(sum / calls)} µs a call in all)`,
    top(self, sum, calls),
    '\nby file or package',
    top(files, sum, calls),
    '\nby function, with all that it called',
    top(ours, sum, calls),
  ].join('\n');
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
