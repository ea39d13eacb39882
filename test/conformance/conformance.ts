import { resolve } from 'node:path';
import { missingBroker } from '../broker/broker.js';
import type { Stack } from '../stack/stack.js';
import { startWorld, type World } from '../stack/world.js';
import { CleanUp } from './clean-up.js';
import { type Check, differencesOf } from './compare.js';
import { type StackName, startGateway } from './gateways.js';
import { type Injector, startInjector } from './injector.js';
import { isAlike, reportOf, type Row, tableOf } from './report.js';
import { help, type Settings, settingsOf } from './settings.js';
import { Signer } from './signer.js';
import { callsHeldTool, runSuite, type SuiteName } from './suites.js';
import type { Upstream } from './upstreams/upstream.js';
import { startUpstreamV1 } from './upstreams/v1.js';
import { startUpstreamV2 } from './upstreams/v2.js';

/** How long the held tool waits for its signature, milliseconds. */
const heldMs = 3000;

const say = (text: string): void => void process.stdout.write(`${text}\n`);

/** A server to compare with, and how its checks come out without a gateway. */
interface Target {
  readonly name: string;
  readonly url: string;
  direct(suite: SuiteName): Promise<readonly Check[]>;
}

/** Runs the suites directly and through the gateway. Gives 0 when every check comes out alike, otherwise 1. */
export async function conform(words: readonly string[]): Promise<number> {
  const settings = settingsOf(words);
  if (settings === undefined) {
    say(help);
    return 2;
  }
  const cleanUp = new CleanUp();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => void cleanUp.close().finally(() => process.exit(130)));
  }
  try {
    const targets = await startTargets(settings, cleanUp);
    const rows: Row[] = [];
    for (const stack of await stacksToBeHad(settings.stacks)) {
      const ofStack = new CleanUp();
      cleanUp.add(async () => ofStack.close());
      rows.push(...(await runThrough(stack, settings, targets, ofStack)));
      await ofStack.close();
    }
    say(`\n${tableOf(rows)}\n\n${reportOf(rows)}`);
    return rows.length > 0 && rows.every(isAlike) ? 0 : 1;
  } finally {
    await cleanUp.close();
  }
}

async function stacksToBeHad(wanted: readonly StackName[]): Promise<readonly StackName[]> {
  const missing = wanted.includes('kafka') ? await missingBroker() : undefined;
  if (missing === undefined) return wanted;
  if (process.env['COUNTERSIGN_REQUIRE_BROKER'] !== undefined) throw new Error(missing);
  say(`${missing} The Kafka stack is left out.`);
  return wanted.filter((name) => name !== 'kafka');
}

const own: Readonly<Record<string, () => Promise<Upstream>>> = {
  v1: startUpstreamV1,
  v2: startUpstreamV2,
};

async function startTargets({ upstreams, url }: Settings, cleanUp: CleanUp): Promise<Target[]> {
  if (url !== undefined) return [target('given', url)];
  const targets: Target[] = [];
  for (const name of upstreams) {
    const upstream = await own[name]!();
    cleanUp.add(async () => upstream.close());
    targets.push(target(name, upstream.url));
  }
  return targets;
}

function target(name: string, url: string): Target {
  const known = new Map<SuiteName, readonly Check[]>();
  return {
    name,
    url,
    direct: async (suite) => {
      const checks = known.get(suite) ?? (await runSuite(suite, asLocalhost(url)));
      known.set(suite, checks);
      return checks;
    },
  };
}

/** The suites want to see this name in a URL. */
function asLocalhost(url: string): string {
  return url.replace('//127.0.0.1:', '//localhost:');
}

async function runThrough(
  stackName: StackName,
  settings: Settings,
  targets: readonly Target[],
  cleanUp: CleanUp,
): Promise<Row[]> {
  const injector = await startInjector();
  cleanUp.add(async () => injector.close());
  const world = await worldAround(injector, targets);
  cleanUp.add(async () => world.close());
  say(`${stackName}: starting`);
  const stack = await startGateway(stackName, world, cleanUp);
  const rows: Row[] = [];
  for (const { isHeld, suite, target } of runsOf(settings, targets)) {
    injector.aim(stack.gateway, await world.token('analyst'));
    const run = { injector, stack, stackName, suite, target, world };
    const row = isHeld ? await runHeld(run) : await runFree(run);
    say(tableOf([row]).split('\n')[1] ?? '');
    rows.push(row);
  }
  return rows;
}

function runsOf({ held, suites }: Settings, targets: readonly Target[]) {
  return held.flatMap((isHeld) =>
    targets.flatMap((target) =>
      suites
        .filter((suite) => !isHeld || callsHeldTool(suite))
        .map((suite) => ({ isHeld, suite, target })),
    ),
  );
}

/** Every server twice: as it is, and with a tool that is held. */
async function worldAround(injector: Injector, targets: readonly Target[]): Promise<World> {
  const servers = targets.flatMap(({ name, url }) => [
    [name, { url }] as const,
    [`${name}-held`, { url }] as const,
  ]);
  return startWorld({
    policies: resolve('test/conformance/policies'),
    servers: Object.fromEntries(servers),
    sections: {
      ingress: {
        allowedHosts: [injector.host],
        allowedOrigins: [`http://${injector.host}`],
      },
    },
  });
}

interface Run {
  readonly injector: Injector;
  readonly stack: Stack;
  readonly stackName: StackName;
  readonly suite: SuiteName;
  readonly target: Target;
  readonly world: World;
}

async function runFree({ injector, stackName, suite, target }: Run): Promise<Row> {
  const direct = await target.direct(suite);
  const started = Date.now();
  const through = await runSuite(suite, `http://${injector.host}/mcp/${target.name}`);
  return {
    target: `${stackName} → ${target.name}`,
    suite,
    direct,
    through,
    differences: differencesOf(direct, through),
    seconds: (Date.now() - started) / 1000,
  };
}

async function runHeld(run: Run): Promise<Row> {
  const signer = new Signer(run.world, run.stack, heldMs);
  try {
    const target = { ...run.target, name: `${run.target.name}-held` };
    return { ...(await runFree({ ...run, target })), signed: signer.signed };
  } finally {
    await signer.close();
  }
}
