import { expect, test } from 'vitest';
import { callParts, listing } from './call-parts.suite.js';
import { McpCall } from './mcp-call.js';

const answer = {
  expect: () => undefined,
  mark: () => undefined,
  progress: () => undefined,
  release: async () => undefined,
};

test('when a server is configured anew while people are asked, then what they signed goes nowhere', async () => {
  const parts = callParts({});
  const moved = callParts({ upstreams: { ...parts.upstreams, has: () => false } });

  expect(await new McpCall('call', listing, answer, parts).renewed()).toMatchObject({
    principal: listing.principal,
  });
  await expect(new McpCall('call', listing, answer, moved).renewed()).rejects.toMatchObject({
    code: 'UPSTREAM_UNAVAILABLE',
    stage: 'forward',
    executed: 'no',
  });
});
