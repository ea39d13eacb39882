import { anomaliesOf, openCalls } from './checker.js';
import type { History } from './history.js';

/** The figures of one run in one line. */
export function told(
  victim: string,
  history: History,
  also: { readonly calls: number; readonly deadLetters: number },
): string {
  const { calls, events, executions } = history;
  const anomalies = anomaliesOf(history);
  const found = (...kinds: string[]): number =>
    anomalies.filter(({ kind }) => kinds.includes(kind)).length;
  const refused: Record<string, number> = {};
  let slowestRefusalMs = 0;
  for (const { outcome, ms } of calls) {
    if (outcome.kind !== 'refused') continue;
    refused[outcome.code] = (refused[outcome.code] ?? 0) + 1;
    slowestRefusalMs = Math.max(slowestRefusalMs, ms);
  }
  const recorded = events.filter((each) => each.topic !== 'countersign.answers.v1');
  const figures = {
    calls: `${also.calls}+${calls.length - also.calls}`,
    answered: calls.filter((each) => each.outcome.kind === 'answered').length,
    refused: JSON.stringify(refused),
    disconnected: calls.filter((each) => each.outcome.kind === 'lost').length,
    executed: executions.length,
    unrecorded: found(
      'executed-without-record',
      'executed-without-verdict',
      'executed-without-approval',
      'executed-before-record',
    ),
    events: new Set(recorded.map((each) => each.id)).size,
    repeats: recorded.length - new Set(recorded.map((each) => each.id)).size,
    lost: found('event-lost'),
    doubled: found('event-doubled'),
    unmasked: found('canary-leaked'),
    open: openCalls(history).length,
    deadLetters: also.deadLetters,
    slowestRefusalMs: Math.round(slowestRefusalMs),
  };
  const words = Object.entries(figures).map(([name, value]) => `${name} ${String(value)}`);
  return `killed ${victim}: ${words.join(', ')}`;
}
