import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import type { Check } from './compare.js';

/** The runs of the official suites, and how each is asked for. */
const suites = {
  '0.1.16': ['@modelcontextprotocol/conformance', '--suite', 'active'],
  '0.1.16-pending': ['@modelcontextprotocol/conformance', '--suite', 'pending'],
  '2025-11-25': ['conformance-next', '--requirements', '2025-11-25'],
  '2026-07-28': ['conformance-next', '--requirements', '2026-07-28'],
} as const;
export type SuiteName = keyof typeof suites;

/** In the order in which they are run. */
export const suiteNames = ['0.1.16', '0.1.16-pending', '2025-11-25', '2026-07-28'] as const;

/** Whether a run calls `test_simple_text`, the tool that is held. */
export function callsHeldTool(name: SuiteName): boolean {
  return name !== '0.1.16-pending';
}

const checksSchema = z.array(
  z.looseObject({
    id: z.string(),
    name: z.string(),
    status: z.string(),
    errorMessage: z.string().optional(),
  }),
);

/** A run takes seconds, through a gateway and with a held tool half a minute. */
const limitMs = 300_000;

/**
 * Runs a suite against a server and gives the outcome of every check.
 * @throws Error with what the suite wrote when it made no checks
 */
export async function runSuite(name: SuiteName, url: string): Promise<Check[]> {
  const folder = await mkdtemp(join(tmpdir(), 'countersign-conformance-'));
  try {
    const [program, ...flags] = suites[name];
    const file = resolve('node_modules', program, 'dist/index.js');
    const child = spawn(
      process.execPath,
      [file, 'server', '--url', url, ...flags, '--output-dir', folder],
      { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'], timeout: limitMs },
    );
    let written = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (piece: string) => (written += piece));
    }
    await once(child, 'close');
    const checks = await readChecks(folder);
    if (checks.length === 0) throw new Error(`${name} made no checks of ${url}:\n${written}`);
    return checks;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Reads `server-<scenario>-<time>/checks.json` of every scenario. */
async function readChecks(folder: string): Promise<Check[]> {
  const all: Check[] = [];
  for (const name of (await readdir(folder)).toSorted()) {
    const scenario = /^server-(?<scenario>.+)-\d{4}-\d\d-\d\dT/.exec(name)?.groups?.['scenario'];
    if (scenario !== undefined) all.push(...(await checksOf(scenario, join(folder, name))));
  }
  return all;
}

async function checksOf(scenario: string, folder: string): Promise<Check[]> {
  const file = join(folder, 'checks.json');
  // A scenario that breaks off leaves an empty folder; the suite counts it as failed.
  if (!existsSync(file)) {
    return [
      { scenario, id: 'scenario', name: 'Completed', status: 'FAILURE', message: 'broke off' },
    ];
  }
  const checks = checksSchema.parse(JSON.parse(await readFile(file, 'utf8')));
  return checks.map(({ errorMessage = '', id, name, status }) => {
    return { scenario, id, name, status, message: errorMessage };
  });
}
