/** The demo's tenant, application and groups: object ids as Entra would give them. */
export const demoTenant = '11111111-2222-4333-8444-555555555555';
export const demoAudience = '7d0f9a52-3c1e-4b6f-9a51-0c1f5b2d9e10';
export const demoClientApp = 'aebc6443-996d-45c2-90f0-388ff96faa56';
/** The application that signs people in to the approval page. */
export const demoPageApp = 'c3b7f0de-52a4-4d0e-8d35-6a1e9b7f4c21';

/** The bot that posts approvals in Teams. */
export const demoTeamsApp = '5e1f7a90-4c0b-4d43-9a3f-2f6f0f8f1d11';

/** Names of the demo's groups, as the demo's policies use them. */
export const demoGroups = {
  analysts: 'a0000000-0000-4000-8000-000000000001',
  engineers: 'a0000000-0000-4000-8000-000000000002',
  'orders-owners': 'a0000000-0000-4000-8000-000000000003',
  pipelines: 'a0000000-0000-4000-8000-000000000004',
  'orders-leads': 'a0000000-0000-4000-8000-000000000005',
  oncall: 'a0000000-0000-4000-8000-000000000006',
} as const;

/** Claims of an access token that differ between the demo's identities. */
export interface DemoIdentity {
  readonly oid: string;
  readonly name: string;
  readonly groups: readonly string[];
  readonly roles: readonly string[];
  readonly isWorkload?: boolean;
}

/** Who can ask for a token in the demo. */
export const demoIdentities = {
  analyst: person('b0000000-0000-4000-8000-000000000001', 'Ana Analyst', ['analysts']),
  engineer: person('b0000000-0000-4000-8000-000000000002', 'Emil Engineer', [
    'engineers',
    'oncall',
  ]),
  approver: person('b0000000-0000-4000-8000-000000000003', 'Petra Approver', ['orders-owners']),
  approver2: person('b0000000-0000-4000-8000-000000000006', 'Paul Approver', ['orders-owners']),
  lead: person('b0000000-0000-4000-8000-000000000008', 'Lena Lead', ['orders-leads']),
  auditor: person(
    'b0000000-0000-4000-8000-000000000004',
    'Otto Auditor',
    [],
    ['Countersign.Auditor'],
  ),
  admin: person('b0000000-0000-4000-8000-000000000007', 'Ada Admin', [], ['Countersign.Admin']),
  ci: {
    oid: 'b0000000-0000-4000-8000-000000000005',
    name: 'orders-pipeline',
    groups: [demoGroups.pipelines],
    roles: ['Mcp.Invoke'],
    isWorkload: true,
  },
} as const satisfies Record<string, DemoIdentity>;

/** The name of a demo identity. */
export type DemoIdentityName = keyof typeof demoIdentities;

/** What each may do, for people who choose one. */
export const demoDescriptions: Readonly<Record<DemoIdentityName, string>> = {
  analyst: 'looks up customers; refunds wait for a signature',
  engineer: 'the same, and deletes test customers (T-…)',
  approver: 'signs refunds',
  approver2: 'signs refunds too: a second person for what needs two',
  lead: 'leads the owners: asked when nobody of them has signed in time',
  auditor: 'reads the record; signs nothing',
  admin: 'operates the gateway and reads the record without bodies',
  ci: 'a pipeline: looks up customers',
};

/** True for the name of a demo identity. */
export function isDemoIdentity(name: string): name is DemoIdentityName {
  return Object.hasOwn(demoIdentities, name);
}

function person(
  oid: string,
  name: string,
  groups: readonly (keyof typeof demoGroups)[],
  roles: readonly string[] = [],
): DemoIdentity {
  return { oid, name, groups: groups.map((group) => demoGroups[group]), roles };
}
