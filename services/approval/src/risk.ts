import type { Approval } from './approval.js';
import type { ApprovalView } from './approval-view.js';

type Risk = ApprovalView['risk'];

/**
 * How much may go wrong, as far as anybody knows: what the gateway's own facts say, and what the server claims of
 * its tool. A claim can raise the level; it lowers it only where nothing else speaks against it.
 */
export function riskOf({ definition, facts }: Pick<Approval, 'definition' | 'facts'>): Risk {
  const hints = definition?.hints ?? {};
  const reasons = [factOf(facts), ...claimsOf(hints)];
  if (definition === null) reasons.push('The gateway has not seen the tool listed.');
  return { level: levelOf(facts, hints), reasons };
}

function levelOf(
  facts: Approval['facts'],
  hints: Readonly<Record<string, boolean>>,
): Risk['level'] {
  if (facts.action === 'admin' || hints['destructiveHint'] === true) return 'high';
  if (facts.action === 'read' && facts.complete) return 'low';
  const isClaimedHarmless = hints['readOnlyHint'] === true && facts.action === 'execute';
  return isClaimedHarmless ? 'low' : 'medium';
}

function factOf({ action, complete }: Approval['facts']): string {
  const words = {
    read: 'It reads.',
    write: 'It writes.',
    admin: 'It changes how things are run.',
    execute: 'It executes something.',
    connect: 'It opens a connection.',
  };
  return complete ? words[action] : `${words[action]} The gateway cannot know all that it does.`;
}

function claimsOf(hints: Readonly<Record<string, boolean>>): string[] {
  const claims: readonly (readonly [string, boolean, string])[] = [
    ['readOnlyHint', true, 'The server says that it only reads.'],
    ['destructiveHint', true, 'The server says that it may destroy.'],
    ['destructiveHint', false, 'The server says that it destroys nothing.'],
    ['idempotentHint', false, 'The server says that doing it twice is not the same as once.'],
    ['openWorldHint', true, 'The server says that it reaches beyond the server.'],
  ];
  return claims.filter(([hint, value]) => hints[hint] === value).map(([, , words]) => words);
}
