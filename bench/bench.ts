import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type Measured, measure, warmUp } from './measure.js';
import { profile } from './profile.js';
import { type Row, type RowName, rowNames, Rows } from './rows.js';
import { processTable, ratioTable, speedTables } from './table.js';
import { memoryOf } from './usage.js';
import { startWorld, type World } from './world.js';

const help = `npm run bench -- [flags]
  --quick            short slices, one round: for a look, not for a figure
  --only NAME        ${rowNames.join(', ')}; may be repeated
  --callers N        instead of 1, 8 and 64; may be repeated
  --json FILE        writes every slice there
  --profile SERVICE  standalone, or a service of the Kafka stack: where its CPU time goes
`;

const say = (text: string): void => void process.stdout.write(`${text}\n`);

/** What the flags ask for. */
interface Settings {
  readonly rows: readonly RowName[];
  readonly callers: readonly number[];
  readonly seconds: number;
  readonly rounds: number;
  readonly json: string | undefined;
  readonly profile: string | undefined;
}

/** Starts everything, measures, prints, and ends everything. */
export async function bench(words: readonly string[]): Promise<void> {
  const settings = settingsOf(words);
  if (settings === undefined) return say(help);
  // Every program that is started ends with this one.
  process.setMaxListeners(0);
  const folder = mkdtempSync(join(tmpdir(), 'countersign-bench-'));
  // The embedded Postgres may run as another user.
  chmodSync(folder, 0o755);
  const cleanUp: (() => Promise<unknown>)[] = [];
  const close = async (): Promise<void> => {
    for (const step of cleanUp.splice(0).toReversed()) await step();
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => void close().finally(() => process.exit(130)));
  }
  try {
    const world = await startWorld(folder);
    cleanUp.push(async () => Promise.all([world.upstream.stop(), world.entra.stop()]));
    if (settings.profile === undefined) await compare(settings, world, cleanUp);
    else say(await profile(settings.profile, settings.seconds, world, cleanUp));
  } finally {
    await close();
  }
}

async function compare(
  settings: Settings,
  world: World,
  cleanUp: (() => Promise<unknown>)[],
): Promise<void> {
  const rows = new Rows(world);
  cleanUp.push(async () => rows.close());
  say(`${cpus().length} cores, Node ${process.versions.node}, load before: ${load()}`);
  const running: Row[] = [];
  for (const name of settings.rows) {
    say(`${name}: starting and warming up`);
    const row = await rows
      .start(name)
      .catch((error: Error) => say(`${name}: left out, ${error.message}`));
    if (row === undefined) continue;
    await warmUp(row);
    running.push(row);
  }
  const all = await measureAll(settings, running);
  const memory = new Map(running.map(({ groups, name }) => [name, memoryOf(groups)]));
  say(`\n${speedTables(all)}\n${ratioTable(all)}\n\n${processTable(all, memory)}\n`);
  say(`load after: ${load()}`);
  const wrong = all.find(({ errors }) => errors > 0);
  if (wrong !== undefined) say(`the first error of ${wrong.row}: ${wrong.firstError}`);
  if (settings.json !== undefined) {
    const memoryMiB = Object.fromEntries(
      [...memory].map(([row, of]) => [row, Object.fromEntries(of)]),
    );
    await writeFile(settings.json, JSON.stringify({ slices: all, memoryMiB }, undefined, 2));
  }
}

/** The rows take turns, so that what else the machine does meets them all. */
async function measureAll(settings: Settings, rows: readonly Row[]): Promise<Measured[]> {
  const all: Measured[] = [];
  for (const callers of settings.callers) {
    for (let round = 1; round <= settings.rounds; round += 1) {
      for (const row of rows) {
        const measured = await measure(row, { callers, round, seconds: settings.seconds });
        all.push(measured);
        const { p50, p99, perSecond } = measured;
        const figures = `p50 ${p50.toFixed(2)} ms, p99 ${p99.toFixed(1)} ms, ${perSecond.toFixed(0)}/s`;
        say(`${callers} × ${row.name}, round ${round}: ${figures}, load ${load()}`);
      }
    }
  }
  return all;
}

function settingsOf(words: readonly string[]): Settings | undefined {
  const { values } = parseArgs({
    args: [...words],
    options: {
      quick: { type: 'boolean', default: false },
      only: { type: 'string', multiple: true },
      callers: { type: 'string', multiple: true, default: ['1', '8', '64'] },
      json: { type: 'string' },
      profile: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  const only = values.only ?? [...rowNames];
  if (values.help || only.some((name) => !rowNames.some((each) => each === name))) return undefined;
  return {
    rows: rowNames.filter((name) => only.includes(name)),
    callers: values.callers.map(Number),
    seconds: values.quick ? 2 : 6,
    rounds: values.quick ? 1 : 3,
    json: values.json,
    profile: values.profile,
  };
}

function load(): string {
  return (loadavg()[0] ?? 0).toFixed(1);
}
