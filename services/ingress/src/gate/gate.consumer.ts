import type { Bus } from '#bus';
import {
  approvalRequested,
  callApproved,
  callDecided,
  callExpired,
  callMasked,
  callRefused,
  catalogDecided,
  grantEnded,
  grantRevoked,
} from '#contracts';
import type { GrantsInUse } from './grants-in-use.js';
import type { Waiters } from './waiters.js';

/** Hands what the other services say to the calls that wait, and to those that run under a grant. */
export function listenForAnswers(bus: Bus, waiters: Waiters, grants: GrantsInUse): void {
  bus.on(callDecided, (event) => waiters.deliver({ kind: 'decided', event }));
  bus.on(approvalRequested, (event) => waiters.deliver({ kind: 'asked', event }));
  bus.on(callApproved, (event) => waiters.deliver({ kind: 'approved', event }));
  bus.on(callRefused, (event) => waiters.deliver({ kind: 'refused', event }));
  bus.on(callExpired, (event) => waiters.deliver({ kind: 'expired', event }));
  bus.on(callMasked, (event) => waiters.deliver({ kind: 'masked', event }));
  bus.on(catalogDecided, (event) => waiters.deliver({ kind: 'listed', event }));
  bus.on(grantRevoked, (event) => grants.end(event.data.grantId));
  bus.on(grantEnded, ({ data }) => {
    // A grant whose calls are used up covers no other; the last one of them runs on.
    if (data.cause === 'time') grants.end(data.grantId);
  });
}
