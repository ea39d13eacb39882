import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import type { HttpServerConfig } from '#runtime';
import { makeCertificates } from '../../../demo/entra/certificates.js';
import { Servers } from './servers.js';

const folder = mkdtempSync(join(tmpdir(), 'countersign-servers-'));
afterAll(() => rmSync(folder, { recursive: true }));
const file = (name: string, text: string): string => {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
};
const http = (change: Partial<HttpServerConfig>): HttpServerConfig => ({
  url: 'https://orders/mcp',
  headers: {},
  network: 'any',
  connectTimeoutMs: 5000,
  labels: {},
  ...change,
});
const oauth = {
  tokenUrl: 'https://login.example/token',
  clientId: 'gateway',
  clientAuthentication: 'post',
  parameters: {},
  network: 'any',
} as const;

test('when all is there that servers need, then no fault is told', async () => {
  const { authority } = await makeCertificates([]);
  const caFile = file('ca.pem', authority);
  const clientSecretFile = file('secret', 'hunter2');
  const servers = new Servers(
    {
      plain: http({}),
      keyed: http({ credential: { header: 'X-Api-Key', value: '${KEY}' }, caFile }),
      headed: http({ headers: { 'X-Tenant': '${KEY}' } }),
      tokened: http({ credential: { oauth: { ...oauth, clientSecretFile, caFile } } }),
    },
    { KEY: 'hunter2' },
  );

  expect(await servers.faults()).toEqual([]);
});

test('when something is missing, then each server is named with what it lacks, and no value', async () => {
  const nothing = file('nothing.pem', 'no certificate');
  const servers = new Servers(
    {
      keyed: http({ credential: { header: 'X-Api-Key', value: '${KEY}' } }),
      headed: http({ headers: { 'X-Tenant': '${KEY}' } }),
      broken: http({ headers: { 'X-Tenant': '${BROKEN}' } }),
      trusting: http({ caFile: nothing }),
      tokened: http({ credential: { oauth: { ...oauth, clientSecret: '${KEY}' } } }),
      filed: http({ credential: { oauth: { ...oauth, clientSecretFile: `${folder}/none` } } }),
      started: { command: ['x'], env: { KEY: '${KEY}' }, labels: {} },
    },
    { BROKEN: 'hunter2\n' },
  );

  expect(await servers.faults()).toEqual([
    'keyed: the environment variable KEY is not set',
    'headed: the environment variable KEY is not set',
    'broken: the value for the header X-Tenant has characters that none may have',
    `trusting: the file ${nothing} holds no certificates`,
    'tokened: the environment variable KEY is not set',
    `filed: the credential file ${folder}/none cannot be read`,
    'started: the environment variable KEY is not set',
  ]);
});
