import type { Pin, Standing } from '#contracts';
import type { Decision } from './decide.js';

/** What approval has recorded of a definition. */
export type RecordedDefinition =
  { readonly accepted: readonly string[]; readonly latest: string } | 'unreadable';

/** The rule named when a call is denied because its definition is not accepted. */
const definitionRule = 'builtin:definition';

/** A standing, or that there is none: the record is damaged, or there can be none. */
export type FoundStanding = Standing | 'unreadable';

/** What a call or a listed item uses. */
export interface PinnedUse {
  readonly server: string;
  readonly name: string;
  readonly pin: Pin;
}

/**
 * How a definition stands. Every digest that counts must be accepted: for a call that of its own gateway, if it
 * has seen one, and the latest that any has seen.
 */
export function standingOf(
  recorded: RecordedDefinition | undefined,
  own: string | undefined,
  isNewest: boolean,
): FoundStanding {
  if (recorded === undefined) return own === undefined ? 'unknown' : 'new';
  if (recorded === 'unreadable') return 'unreadable';
  const { accepted, latest } = recorded;
  if (accepted.length === 0) return 'new';
  const counting = isNewest && own !== undefined ? [own] : [latest, own ?? latest];
  return counting.every((digest) => accepted.includes(digest)) ? 'accepted' : 'changed';
}

const held: Record<FoundStanding, (pin: Pin) => boolean> = {
  accepted: () => false,
  changed: ({ changed }) => changed === 'hold',
  new: (pin) => pin.new === 'hold',
  unknown: (pin) => pin.new === 'hold',
  unreadable: (pin) => pin.new === 'hold' || pin.changed === 'hold',
};

/** Whether a definition of this standing may not be used. */
export function isHeld(pin: Pin, standing: FoundStanding): boolean {
  return held[standing](pin);
}

/** The decision on a call that uses a definition of this standing. What is denied already stays as it is. */
export function withDefinition(
  decision: Decision,
  use: PinnedUse,
  standing: FoundStanding,
): Decision {
  if (decision.effect === 'deny' || !isHeld(use.pin, standing)) return decision;
  const message = wordsOf(use, standing);
  return {
    ...decision,
    effect: 'deny',
    ruleIds: [definitionRule],
    rules: [{ id: definitionRule, message }],
    approval: null,
    breakGlass: null,
    hidden: false,
    message,
  };
}

const why: Record<FoundStanding, string> = {
  accepted: 'is accepted',
  changed: 'changed since it was accepted',
  new: 'is new and accepted by nobody',
  unknown: 'is known to nobody: list it first; then it can be accepted',
  unreadable: 'cannot be compared with what was accepted',
};

function wordsOf(use: PinnedUse, standing: FoundStanding): string {
  const { name, pin, server } = use;
  const what =
    pin.kind === 'instructions' ? 'The instructions' : `The definition of ${pin.kind} ${name}`;
  return `${what} of ${server} ${why[standing]}. An administrator looks at it and accepts it: ${commandOf(use)}`;
}

function commandOf({ name, pin, server }: PinnedUse): string {
  const kind = pin.kind === 'tool' ? [] : ['--kind', pin.kind];
  // A tool named --all must not pass for the option, quoted or not.
  const end = name.startsWith('-') ? ['--'] : [];
  const place = [server, name].map((each) => shellWord(each));
  return ['npx countersign tools accept', ...kind, ...end, ...place].join(' ');
}

/** A server chooses its names; whoever copies the command must not run something else. */
function shellWord(text: string): string {
  return /^[\w.:@/][\w.:@/-]*$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
