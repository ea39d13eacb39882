import { definitionMutants } from './definition-mutants.js';
import { gateMutants } from './gate-mutants.js';
import { judgingMutants } from './judging-mutants.js';
import type { Mutant } from './mutant.js';
import { recordMutants } from './record-mutants.js';
import { releaseMutants } from './release-mutants.js';
import { signingMutants } from './signing-mutants.js';
import { relayMutants } from './relay-mutants.js';
import { upstreamMutants } from './upstream-mutants.js';

/** Every guard whose loss a test has to notice. */
export const mutants: readonly Mutant[] = [
  ...gateMutants,
  ...judgingMutants,
  ...signingMutants,
  ...recordMutants,
  ...releaseMutants,
  ...upstreamMutants,
  ...relayMutants,
  ...definitionMutants,
];
