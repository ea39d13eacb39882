import { describe, expect, test } from 'vitest';
import { readConfigFile } from '#runtime';
import { demoAudience, demoGroups, demoPageApp, demoTenant } from '../../demo/entra/identities.js';
import { Bundles } from '../../services/policy/src/bundles.js';

describe('the configuration to start from', () => {
  test('when it is left as it comes, then it is valid and its policies pass their own tests', async () => {
    const config = readConfigFile('config/countersign.yaml');

    const { current } = await Bundles.load(config.policies, config.groups);

    expect(config.servers).toEqual({});
    expect(current.files).toEqual(['example.yaml']);
  });
});

describe("the demo's configuration for Compose", () => {
  test('when it is read, then it fits the stand-in for Entra and the policies of the demo', async () => {
    const config = readConfigFile('compose/demo/countersign.yaml');

    await Bundles.load('demo/policies', config.groups);

    expect(config.entra).toMatchObject({ tenants: [demoTenant], audience: demoAudience });
    expect(config.groups).toEqual(demoGroups);
    expect(config.approval.page?.clientId).toBe(demoPageApp);
  });
});
