import type { ApprovalView } from './approval-view.js';

const words = {
  new: "The tool's definition is new and accepted by nobody.",
  changed: "The tool's definition changed since it was accepted.",
} as const;

/** What a signer is told of a definition that nobody has accepted; undefined where there is nothing to tell. */
export function standingWords({
  definitionStanding,
}: Pick<ApprovalView, 'definitionStanding'>): string | undefined {
  return definitionStanding === null ? undefined : words[definitionStanding];
}
