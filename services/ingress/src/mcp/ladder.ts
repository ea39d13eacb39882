import type { CountersignConfig } from '#runtime';
import { declaresTasks, isModern } from './era.js';
import { matches } from './glob.js';
import { type Message, objectAt } from './message.js';

/** How clients are kept waiting for people, and for how long; times in milliseconds. */
export type LadderSettings = Pick<
  CountersignConfig['ingress'],
  | 'clients'
  | 'holdSilentMs'
  | 'holdWithProgressMs'
  | 'legMs'
  | 'progressEveryMs'
  | 'briefHoldMs'
  | 'taskPollMs'
>;

/**
 * How a client learns that people are asked: a task to come back for, notes on progress, short legs of one
 * long poll, nothing but a late answer. Whatever is used up ends in a result that says "pending".
 */
type Rung = LadderSettings['clients'][number]['ladder'][number];

/** The way a call waits. */
export interface Wait {
  /** Undefined where it may hardly wait: just as long as it takes to use a signature that is there already. */
  readonly rung: Rung | undefined;
  readonly holdMs: number;
}

/** What a call's way of waiting depends on. */
export interface Waiter {
  readonly message: Message | undefined;
  /** What the client says of itself, and the application that its token was issued to. */
  readonly clientNames: readonly string[];
  /** Whether a task of this call would be small enough to be named in a header. */
  readonly fitsTask: () => boolean;
}

/** Legs of one long poll; SDK clients give up after ten. */
export const maxLegs = 8;

/** Methods that may be answered by "come again" in the stateless era (multi round-trip requests). */
const inLegs: ReadonlySet<string> = new Set(['tools/call', 'prompts/get', 'resources/read']);

/** The highest rung that the client can stand on and the configuration lets it. */
export function waitOf(waiter: Waiter, settings: LadderSettings): Wait {
  const { holdSilentMs, holdWithProgressMs, ladder } = budgetOf(waiter.clientNames, settings);
  const holds: Readonly<Record<Rung, number>> = {
    task: settings.briefHoldMs,
    progress: holdWithProgressMs,
    legs: settings.legMs,
    hold: holdSilentMs,
  };
  const rung = rungsOf(waiter).find((each) => ladder.includes(each));
  return { rung, holdMs: rung === undefined ? settings.briefHoldMs : holds[rung] };
}

/** Whether tasks are to be offered to a client. */
export function offersTasks(clientNames: readonly string[], settings: LadderSettings): boolean {
  return budgetOf(clientNames, settings).ladder.includes('task');
}

/** The token under which a client wants to be shown progress; undefined where it wants none. */
export function progressTokenOf(message: Message | undefined): string | number | undefined {
  if (message?.kind !== 'request' || message.method === 'initialize') return undefined;
  const token = objectAt(objectAt(message.body, 'params'), '_meta')['progressToken'];
  return typeof token === 'string' || typeof token === 'number' ? token : undefined;
}

/** What the message makes possible, best first. */
function rungsOf({ fitsTask, message }: Waiter): readonly Rung[] {
  const method = message?.kind === 'request' ? message.method : '';
  const possible: readonly (readonly [Rung, boolean])[] = [
    ['task', method === 'tools/call' && declaresTasks(message) && fitsTask()],
    ['progress', progressTokenOf(message) !== undefined],
    ['legs', isModern(message) && inLegs.has(method)],
    ['hold', true],
  ];
  return possible.filter(([, isPossible]) => isPossible).map(([rung]) => rung);
}

/** The first entry that matches; what it does not say is as for everybody. */
function budgetOf(names: readonly string[], settings: LadderSettings) {
  const { holdSilentMs, holdWithProgressMs } = settings;
  const found = settings.clients.find(({ match }) => names.some((name) => matches(match, name)));
  return {
    holdSilentMs: found?.holdSilentMs ?? holdSilentMs,
    holdWithProgressMs: found?.holdWithProgressMs ?? holdWithProgressMs,
    ladder: found?.ladder ?? (['task', 'progress', 'legs', 'hold'] satisfies Rung[]),
  };
}
