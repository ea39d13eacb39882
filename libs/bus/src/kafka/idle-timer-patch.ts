import { createRequire } from 'node:module';

const provenVersion = '2.2.4';
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
 * @throws Error when the kafkajs installed is not the one that the patch was proven with.
 */
export function patchIdleTimer(): void {
  if (isPatched) return;
  const require = createRequire(import.meta.filename);
  const version = memberOf(require('kafkajs/package.json'), 'version');
  if (version !== provenVersion) {
    throw new Error(
      `kafkajs ${String(version)} is installed; the bus is proven with ${provenVersion}`,
    );
  }
  const prototype = memberOf(require('kafkajs/src/network/requestQueue/index.js'), 'prototype');
  const original = memberOf(prototype, method);
  if (!isSchedule(original) || typeof prototype !== 'object' || prototype === null) {
    throw new Error(
      `kafkajs ${provenVersion} has no RequestQueue.${method}; the bus cannot patch it`,
    );
  }
  const schedule: Schedule = function schedule(this: RequestQueue) {
    if (this.pending.length === 0 && this.throttledUntil <= Date.now()) return;
    original.call(this);
  };
  Object.defineProperty(prototype, method, { value: schedule, configurable: true, writable: true });
  isPatched = true;
}

function memberOf(value: unknown, name: string): unknown {
  const isHolder = (typeof value === 'object' && value !== null) || typeof value === 'function';
  return isHolder ? Reflect.get(value, name) : undefined;
}

function isSchedule(value: unknown): value is Schedule {
  return typeof value === 'function';
}
