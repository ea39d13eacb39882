import type { Bus } from '#bus';
import type { Sealer, Verifier } from '#trust';

/** What the gate is made with. */
export interface GateParts {
  readonly bus: Bus;
  /** This replica's name: answers to its calls are addressed to it. */
  readonly instance: string;
  readonly argumentsSealer: Sealer;
  readonly answersSealer: Sealer;
  readonly policyVerifier: Verifier;
  readonly approvalVerifier: Verifier;
}

/** The gate's limits, in milliseconds, bytes and calls. */
export interface GateLimits {
  readonly verdictTimeoutMs: number;
  readonly maskTimeoutMs: number;
  readonly maxAnswerBytes: number;
  readonly maxConcurrentCalls: number;
}
