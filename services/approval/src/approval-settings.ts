import type { Bus } from '#bus';
import type { TokenVerifier } from '#identity';
import type { Signer, Verifier } from '#trust';
import type { PeopleSettings } from './people.js';

/** What the approval service needs. */
export interface ApprovalSettings {
  readonly databaseUrl: string;
  readonly bus: Bus;
  /** Accepts tokens that may read and sign approvals. */
  readonly verifier: TokenVerifier;
  /** Signs approvals. */
  readonly signer: Signer;
  /** Checks policy's signature on verdicts. */
  readonly policyKey: Verifier;
  /** How people are found, asked and told. */
  readonly people: PeopleSettings;
  /** How long a signed approval may wait to be used by its call. Default 30. */
  readonly leaseSeconds?: number;
  /** How long after its end a lease may still be reported as used. Default 10. */
  readonly graceSeconds?: number;
  /**
   * Longest time an event waits in the outbox, between looks for what expired, and between looks for what is to be
   * delivered; milliseconds. Default 500 each.
   */
  readonly pollMs?: number;
  readonly sweepMs?: number;
  readonly deliveryMs?: number;
}
