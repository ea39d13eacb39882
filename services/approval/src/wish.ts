import type { ApprovalKind, ApprovalView } from './approval-view.js';

/**
 * What the requester does, between their name and the name of the tool: `asks to call`, `asked for access to`.
 * Hostile where a method is none that is known.
 */
export function wishWords(view: Pick<ApprovalView, 'kind' | 'method' | 'state'>): string {
  const asks = isOpen(view) ? 'asks' : 'asked';
  const words: Record<ApprovalKind, string> = {
    call: `${asks} to ${verbOf(view.method)}`,
    grant: `${asks} for access to`,
    'break-glass': `used break-glass to ${verbOf(view.method)}`,
  };
  return words[view.kind];
}

/** True while somebody still has to do something about it. */
export function isOpen({ state }: Pick<ApprovalView, 'state'>): boolean {
  return state === 'pending' || state === 'unreviewed';
}

/** How many signatures are missing. */
export function missingSignatures({ sets }: Pick<ApprovalView, 'sets'>): number {
  const required = sets.filter(({ isEscalation }) => !isEscalation);
  return required.reduce((sum, { quorum, signed }) => sum + Math.max(0, quorum - signed), 0);
}

const verbs: Readonly<Record<string, string>> = {
  'tools/call': 'call',
  'resources/read': 'read',
  'prompts/get': 'use',
};

function verbOf(method: string): string {
  return Object.hasOwn(verbs, method) ? (verbs[method] ?? method) : method;
}
