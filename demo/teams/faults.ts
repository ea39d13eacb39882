import { setTimeout as pause } from 'node:timers/promises';
import type { NextFunction, Request, Response } from 'express';

/** What is to go wrong. */
interface Fault {
  readonly method: string | undefined;
  readonly status: number | undefined;
  readonly retryAfter: string | undefined;
  readonly delayMs: number;
}

/** How a planned fault is narrowed. */
export interface FaultOptions {
  /** Of `Retry-After`: seconds or a date. */
  readonly retryAfter?: string;
  /** `POST` or `PUT` only. */
  readonly method?: 'POST' | 'PUT';
  readonly times?: number;
}

/** Troubles that calls of the connector run into, planned ahead. */
export class Faults {
  readonly #planned: Fault[] = [];

  fail(status: number, { method, retryAfter, times = 1 }: FaultOptions): void {
    for (let each = 0; each < times; each += 1) {
      this.#planned.push({ method, status, retryAfter, delayMs: 0 });
    }
  }

  delay(delayMs: number, { method, times = 1 }: FaultOptions): void {
    for (let each = 0; each < times; each += 1) {
      this.#planned.push({ method, status: undefined, retryAfter: undefined, delayMs });
    }
  }

  /** Express middleware: meets the first fault that fits, then goes on. */
  async meet(request: Request, response: Response, next: NextFunction): Promise<void> {
    const index = this.#planned.findIndex(
      ({ method }) => (method ?? request.method) === request.method,
    );
    const [fault] = index < 0 ? [] : this.#planned.splice(index, 1);
    if (fault === undefined) {
      next();
      return;
    }
    await pause(fault.delayMs, undefined, { ref: false });
    if (fault.status === undefined) {
      next();
      return;
    }
    if (fault.retryAfter !== undefined) response.set('Retry-After', fault.retryAfter);
    response.status(fault.status).json({ error: { code: 'Injected', message: 'as was planned' } });
  }
}
