import { expect, test } from 'vitest';
import type { Difference } from './compare.js';
import { isAlike, reportOf, type Row } from './report.js';

const check = { scenario: 'ping', id: 'ping', name: 'Ping', status: 'SUCCESS', message: '' };
const difference: Difference = {
  scenario: 'ping',
  check: 'ping (Ping)',
  direct: check,
  through: { ...check, status: 'FAILURE', message: 'no answer' },
};

function row(override: Partial<Row> = {}): Row {
  return {
    target: 'standalone → v2',
    suite: '0.1.16',
    direct: [check],
    through: [check],
    differences: [],
    seconds: 1,
    ...override,
  };
}

test('when nothing was run, then the report does not say that all is alike', () => {
  expect(reportOf([])).toBe('Nothing was run.');
});

test('when every check comes out alike, then the report says so', () => {
  expect(isAlike(row())).toBe(true);
  expect(reportOf([row()])).toContain('Every check');
});

test('when a check comes out otherwise, then both outcomes are told', () => {
  const differing = row({ differences: [difference] });

  expect(isAlike(differing)).toBe(false);
  expect(reportOf([row(), differing])).toBe(
    'standalone → v2, 0.1.16: ping: ping (Ping)\n  direct:  SUCCESS\n  through: FAILURE: no answer',
  );
});

test('when no call of a tool that should be held was, then the run counts for nothing', () => {
  expect(isAlike(row({ signed: 0 }))).toBe(false);
  expect(isAlike(row({ signed: 2 }))).toBe(true);
  expect(reportOf([row({ signed: 0 })])).toContain('this run shows nothing');
});
