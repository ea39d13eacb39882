import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { mutantVariable } from './mutant.js';

const vitest = resolve('node_modules/vitest/vitest.mjs');
/** A test that takes longer waits for something that does not come. */
const testTimeoutMs = 10_000;
const runTimeoutMs = 120_000;
/** No spec here uses a broker; one that is named spares each run the search for Java and Maven. */
const noBroker = 'localhost:1';

/** How one test ended. */
const outcomeSchema = z
  .object({ fullName: z.string(), status: z.string(), failureMessages: z.array(z.string()) })
  .transform(({ fullName: name, status, failureMessages: messages }) => ({
    name,
    status,
    messages,
  }));
/** `message` tells what went wrong outside of tests: a file that does not load, a hook. */
const reportSchema = z.object({
  testResults: z.array(z.object({ message: z.string(), assertionResults: z.array(outcomeSchema) })),
});

/** How a run of one spec ended. */
export interface SpecRun {
  readonly isGreen: boolean;
  /** What went wrong outside of tests. */
  readonly troubles: readonly string[];
  /** The tests that were asked for, each with its full name and why it failed. */
  readonly tests: readonly z.infer<typeof outcomeSchema>[];
}

/** Runs the tests of a spec that have one of these texts in their names, without the guard of the mutant named. */
export async function runSpec(
  spec: string,
  tests: readonly string[],
  given: { readonly databaseUrl: string; readonly mutant?: string },
): Promise<SpecRun> {
  const folder = await mkdtemp(join(tmpdir(), 'countersign-mutant-'));
  const file = join(folder, 'report.json');
  const environment = {
    ...plainEnvironment(),
    CI: 'true',
    DATABASE_URL: given.databaseUrl,
    KAFKA_BROKERS: noBroker,
    ...(given.mutant === undefined ? {} : { [mutantVariable]: given.mutant }),
  };
  try {
    const { code, output } = await run(commandOf(spec, tests, file), environment);
    const text = await readFile(file, 'utf8').catch(() => '');
    if (text === '') return { isGreen: false, troubles: [output], tests: [] };
    const { testResults } = reportSchema.parse(JSON.parse(text));
    const outcomes = testResults.flatMap(({ assertionResults }) => assertionResults);
    return {
      isGreen: code === 0,
      troubles: testResults.map(({ message }) => message).filter((message) => message !== ''),
      tests: outcomes.filter(({ name }) => tests.some((each) => name.includes(each))),
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function commandOf(spec: string, tests: readonly string[], report: string): string[] {
  const names = tests.map((each) => each.replaceAll(/[\\^$.*+?()[\]{}|]/g, String.raw`\$&`));
  const json = ['--reporter=json', `--outputFile=${report}`];
  return [vitest, 'run', spec, '-t', names.join('|'), ...json, `--testTimeout=${testTimeoutMs}`];
}

/** This process's environment without what Vitest has put there for its own workers. */
function plainEnvironment(): NodeJS.ProcessEnv {
  const isOwn = (name: string): boolean => name.startsWith('VITEST') || name === mutantVariable;
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !isOwn(name)));
}

async function run(
  command: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<{ readonly code: number | null; readonly output: string }> {
  const limits = { timeout: runTimeoutMs, killSignal: 'SIGKILL', maxBuffer: 2 ** 26 } as const;
  return new Promise((done) => {
    const child = execFile(process.execPath, command, { env, ...limits }, (_, stdout, stderr) => {
      done({ code: child.exitCode, output: `${stdout}\n${stderr}` });
    });
  });
}
