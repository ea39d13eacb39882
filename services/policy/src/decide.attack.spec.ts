import { expect, test } from 'vitest';
import { compileBundle } from './bundle.js';
import { decide } from './decide.js';

const owners = 'a0000000-0000-4000-8000-000000000003';
const dba = 'a0000000-0000-4000-8000-000000000002';
const approval = { approvers: ['group:owners'], min: 1, ttl: '10m' };
const rules = [
  { id: 'held', effect: 'review', match: { server: 'pg' }, approval },
  { id: 'glass', effect: 'break_glass', match: { server: 'pg', groups: ['dba'] }, approval },
];
const content = {
  apiVersion: 'countersign/v1',
  kind: 'PolicyBundle',
  metadata: { name: 'test' },
  rules,
};
const bundle = compileBundle([{ name: 'test.yaml', content }], { owners, dba });

test.each(['agent', 'workload'] as const)(
  'when a caller of kind %s demands break-glass and no rule names its kind, then people are asked first',
  (kind) => {
    const decided = decide(bundle, {
      principal: {
        tenantId: '11111111-2222-4333-8444-555555555555',
        objectId: 'b0000000-0000-4000-8000-000000000001',
        kind,
        clientApp: 'app',
        displayName: null,
        groups: [dba],
        roles: [],
      },
      protocol: 'mcp',
      server: 'pg',
      labels: {},
      method: 'tools/call',
      resource: 'db_query',
      facts: { action: 'execute', objects: ['db_query'], complete: false },
      arguments: {},
      breakGlass: true,
    });

    expect(decided).toMatchObject({ effect: 'review', breakGlass: null });
  },
);
