import type { Mutant } from './mutant.js';

const pinned = {
  file: 'services/policy/src/pinned.ts',
  spec: 'services/policy/src/pinned.spec.ts',
};
const live = {
  file: 'services/policy/src/live-definitions.ts',
  spec: 'services/policy/src/policy.service.spec.ts',
};
const desk = {
  file: 'services/approval/src/definition-desk.ts',
  spec: 'services/approval/src/definitions.spec.ts',
};

/** The guards around what servers say of themselves. */
export const definitionMutants: readonly Mutant[] = [
  {
    ...pinned,
    law: 5,
    name: 'a call is judged by what its own gateway saw, whatever others have seen since',
    snippet: 'isNewest && own !== undefined ? [own] : [latest, own ?? latest]',
    replacement: '[own ?? latest]',
    test: 'when this gateway has seen an accepted one, and another gateway something else',
  },
  {
    ...pinned,
    law: 5,
    name: 'a call is judged by the latest on record, whatever its own gateway saw',
    snippet: 'isNewest && own !== undefined ? [own] : [latest, own ?? latest]',
    replacement: '[latest]',
    test: 'when this gateway has seen something else, then it is so',
  },
  {
    ...pinned,
    law: 3,
    name: 'a definition whose record is damaged is let through',
    snippet: `  unreadable: (pin) => pin.new === 'hold' || pin.changed === 'hold',`,
    replacement: '  unreadable: () => false,',
    test: 'when it is unreadable under {}, then held is true',
  },
  {
    ...pinned,
    law: 2,
    name: 'a changed definition opens again what was denied, and is shown where it was hidden',
    snippet: `if (decision.effect === 'deny' || !isHeld(use.pin, standing)) return decision;`,
    replacement: 'if (!isHeld(use.pin, standing)) return decision;',
    test: 'when a call is denied, then it stays denied as it was',
  },
  {
    ...live,
    law: 3,
    name: 'calls are judged before the recorded definitions are read',
    snippet: 'if (await this.isReady()) return;',
    replacement: 'return;',
    test: 'when the recorded definitions are not read yet, then no call is judged',
  },
  {
    ...live,
    law: 3,
    name: 'a record that cannot be read leaves its definition without a pin',
    snippet: `      this.#recorded.set(key, 'unreadable');`,
    replacement: '      this.#recorded.delete(key);',
    test: 'when the record of a definition cannot be read, then its calls are denied',
  },
  {
    ...desk,
    law: 9,
    name: 'a program accepts definitions',
    snippet: `      if (by.kind !== 'person') throw new ApprovalError('APPROVER_NOT_A_PERSON');`,
    replacement: '',
    test: 'when a program with the role accepts, then it is refused',
  },
  {
    file: 'services/approval/src/definition.ts',
    spec: 'services/approval/src/definitions.spec.ts',
    law: 5,
    name: 'what nobody looked at is accepted under the digest of something else',
    snippet: `  if (before.latest !== digest) throw new ApprovalError('DEFINITION_SUPERSEDED');`,
    replacement: '',
    test: 'when something else than the latest is accepted, then it is refused',
  },
];
