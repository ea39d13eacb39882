import { kafkajsClass, memberOf, replaceMethod } from './kafkajs-internals.js';

const method = 'scheduleCheckPendingRequests';

interface RequestQueue {
  readonly pending: readonly unknown[];
  readonly throttledUntil: number;
}

type Schedule = (this: RequestQueue) => void;

let isPatched = false;

/**
 * Stops each connection of kafkajs from re-arming a timer of about a millisecond for ever, which costs
 * an idle process 5 % of a core and prints `TimeoutNegativeWarning`: a queue that is empty and not
 * throttled has nothing to schedule. Call before the first connection; further calls do nothing.
 * @throws Error when kafkajs is not as it was when this was proven.
 */
export function patchIdleTimer(): void {
  if (isPatched) return;
  const prototype = memberOf(kafkajsClass('network/requestQueue/index.js'), 'prototype');
  const original = memberOf(prototype, method);
  const schedule: Schedule = function schedule(this: RequestQueue) {
    if (this.pending.length === 0 && this.throttledUntil <= Date.now()) return;
    if (isSchedule(original)) original.call(this);
  };
  replaceMethod(prototype, method, schedule);
  isPatched = true;
}

function isSchedule(value: unknown): value is Schedule {
  return typeof value === 'function';
}
