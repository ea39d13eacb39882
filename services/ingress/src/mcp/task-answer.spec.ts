import { expect, test } from 'vitest';
import { Refusal, type RefusalCode, type RefusalFacts, type Stage } from '../gate/refusal.js';
import type { Task } from './continuations.js';
import { readMessage } from './message.js';
import { outcomeOfAnswer, outcomeOfRefusal, taskResult } from './task-answer.js';

const asked = readMessage({
  jsonrpc: '2.0',
  id: 1,
  method: 'tools/call',
  params: { name: 'pay', arguments: {} },
});
const outcomeOf = (code: RefusalCode, stage: Stage, facts: RefusalFacts = {}) =>
  outcomeOfRefusal(new Refusal(code, stage, 'Why.', facts), asked, { callId: 'c' });

test('when a tool answers, then its task is completed with that, errors of the tool included', () => {
  const result = { isError: true, content: [] };

  expect(outcomeOfAnswer({ jsonrpc: '2.0', id: 1, result })).toEqual({
    status: 'completed',
    result,
  });
});

test('when the protocol failed, then the task has failed', () => {
  const error = { code: -32_603, message: 'no' };

  expect(outcomeOfAnswer({ jsonrpc: '2.0', id: 1, error })).toMatchObject({
    status: 'failed',
    error,
  });
  expect(outcomeOfAnswer(undefined)).toMatchObject({ status: 'failed' });
});

test('when the server asks something back, then the task says that it cannot', () => {
  const result = { resultType: 'input_required', requestState: 's' };

  expect(outcomeOfAnswer({ jsonrpc: '2.0', id: 1, result })).toMatchObject({
    status: 'completed',
    result: { resultType: 'complete', isError: true },
  });
});

test.each<[RefusalCode, Stage, RefusalFacts, string]>([
  ['APPROVAL_PENDING', 'approval', {}, 'working'],
  ['APPROVAL_TIMEOUT', 'approval', {}, 'working'],
  ['RECORD_UNAVAILABLE', 'verdict', {}, 'working'],
  ['VERDICT_TIMEOUT', 'forward', {}, 'working'],
  ['VERDICT_TIMEOUT', 'upstream', { executed: 'yes' }, 'failed'],
  ['OVERLOADED', 'intake', {}, 'working'],
  ['CANCELLED', 'approval', {}, 'cancelled'],
  ['CANCELLED', 'approval', { by: 'gateway' }, 'working'],
  ['DENIED', 'forward', {}, 'completed'],
  ['APPROVAL_REFUSED', 'approval', {}, 'completed'],
  ['APPROVAL_EXPIRED', 'approval', {}, 'completed'],
  ['APPROVAL_STALE', 'forward', {}, 'completed'],
  ['GRANT_ENDED', 'upstream', { executed: 'yes' }, 'completed'],
  ['UPSTREAM_TIMEOUT', 'upstream', { executed: 'unknown' }, 'failed'],
  ['ANSWER_WITHHELD', 'mask', { executed: 'yes' }, 'failed'],
  ['VERDICT_INVALID', 'verdict', {}, 'failed'],
])('when its call ends with %s at %s (%j), then the task is %s', (code, stage, facts, status) => {
  expect(outcomeOf(code, stage, facts)).toMatchObject({ status });
});

test('when the caller cannot be identified, then it is the question that is refused', () => {
  expect(outcomeOf('IDENTITY_REFUSED', 'forward')).toBeUndefined();
});

test('when a tool is hidden by now, then its task fails as if there were no such tool', () => {
  expect(outcomeOf('DENIED', 'verdict', { hidden: true })).toEqual({
    status: 'failed',
    error: { code: -32_602, message: 'Unknown tool: pay' },
    words: 'Unknown tool: pay',
  });
});

test('when a task is told of, then it has the members of the extension, and no others', () => {
  const createdMs = Date.parse('2026-11-28T12:00:00Z');
  const task: Task = {
    key: 'k',
    callId: 'c',
    approvalId: 'a',
    body: {},
    createdMs,
    expiresMs: createdMs + 60_000,
  };
  const told = { id: 'the-id', task, nowMs: createdMs + 1000, pollMs: 5000 };

  expect(taskResult(told, { status: 'completed', result: { content: [] } })).toEqual({
    resultType: 'complete',
    taskId: 'the-id',
    status: 'completed',
    createdAt: '2026-11-28T12:00:00.000Z',
    lastUpdatedAt: '2026-11-28T12:00:01.000Z',
    ttlMs: 60_000,
    pollIntervalMs: 5000,
    result: { content: [] },
  });
});
