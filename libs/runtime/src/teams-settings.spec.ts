import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { generateKeyPairSync } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeBotCertificate } from '../../../services/approval/src/teams/bot-certificate.suite.js';
import { teamsSchema } from './teams-config.js';
import { checkedTeams, type TeamsSource } from './teams-settings.js';

const tenant = '11111111-2222-4333-8444-555555555555';
const owners = 'a0000000-0000-4000-8000-000000000003';
const petra = 'b0000000-0000-4000-8000-000000000003';
const appId = 'c0ffee00-0000-4000-8000-000000000001';
const withSecret = { COUNTERSIGN_TEAMS_SECRET: 'never-shown' };

let folder: string;
const file = (name: string): string => join(folder, name);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'countersign-teams-'));
  const { certificate, privateKey } = await makeBotCertificate();
  const other = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
  await writeFile(file('certificate.pem'), certificate);
  await writeFile(file('key.pem'), privateKey);
  await writeFile(file('other.pem'), other.export({ type: 'pkcs8', format: 'pem' }));
  await writeFile(file('assertion'), 'assertion');
});
afterAll(async () => rm(folder, { recursive: true }));

const section = (changes: object = {}) => ({
  appId,
  conversation: '19:x@thread.tacv2',
  ...changes,
});
const source = (changes: object = {}): TeamsSource => ({
  teams: teamsSchema.parse(section(changes)),
  entra: { tenants: [tenant, petra] },
  groups: { owners },
});

describe('the section', () => {
  test('when the least is said, then it is the public cloud', () => {
    expect(teamsSchema.parse(section())).toEqual({
      appId,
      loginUrl: 'https://login.microsoftonline.com',
      scope: 'https://api.botframework.com/.default',
      openIdUrl: 'https://login.botframework.com/v1/.well-known/openidconfiguration',
      issuer: 'https://api.botframework.com',
      serviceHosts: ['smba.trafficmanager.net'],
      post: [],
      conversation: '19:x@thread.tacv2',
      people: {},
    });
  });

  test.each([
    ['keys over plain http', { openIdUrl: 'http://login.botframework.com/' }],
    ['tokens over plain http', { loginUrl: 'http://login.microsoftonline.com' }],
    ['another scheme', { loginUrl: 'file:///etc/passwd' }],
    ['a name that only begins like this machine', { openIdUrl: 'http://127.0.0.1.evil.example/' }],
    ['a host of somebody else', { serviceHosts: ['evil.trafficmanager.net'] }],
    ['no host', { serviceHosts: [] }],
    ['nobody to ask', { conversation: undefined }],
    ['a switch that is not there', { skipAuth: true }],
    ['a group that nobody is in', { people: { owners: [] } }],
    ['an application that is no id', { appId: 'countersign' }],
  ])('when it has %s, then it is refused', (_name, changes) => {
    expect(teamsSchema.safeParse(section(changes)).success).toBe(false);
  });

  test('when a stand-in on this machine is named, then plain http will do', () => {
    const changes = {
      loginUrl: 'http://127.0.0.1:3978',
      openIdUrl: 'http://localhost:3978/x',
      serviceHosts: ['127.0.0.1:3978'],
    };

    expect(teamsSchema.parse(section(changes))).toMatchObject(changes);
  });
});

describe('the settings', () => {
  test('when names are used for groups, then they become ids, and the tenant is the first one', () => {
    const given = source({
      post: [{ groups: ['owners', owners.toUpperCase()], conversation: 'x' }],
      people: { owners: [petra] },
    });

    expect(checkedTeams(given, withSecret)).toMatchObject({
      tenant,
      post: [{ groups: [owners, owners], conversation: 'x' }],
      people: { [owners]: [petra] },
      credential: { kind: 'secret', secret: 'never-shown' },
    });
  });

  test('when a certificate and its key are given, then they are the credential', () => {
    const credential = checkedTeams(source(), {
      COUNTERSIGN_TEAMS_CERTIFICATE_FILE: file('certificate.pem'),
      COUNTERSIGN_TEAMS_KEY_FILE: file('key.pem'),
    }).credential;

    expect(credential.kind).toBe('certificate');
  });

  test('when an assertion file is given, then it is read later', () => {
    const environment = { COUNTERSIGN_TEAMS_ASSERTION_FILE: file('assertion') };

    expect(checkedTeams(source(), environment).credential).toEqual({
      kind: 'assertion',
      file: file('assertion'),
    });
  });

  test.each([
    ['no credential', () => ({}), 'exactly one'],
    ['an empty credential', () => ({ COUNTERSIGN_TEAMS_SECRET: '' }), 'exactly one'],
    [
      'two credentials',
      () => ({ ...withSecret, COUNTERSIGN_TEAMS_ASSERTION_FILE: file('assertion') }),
      'exactly one',
    ],
    [
      'a certificate without its key',
      () => ({ COUNTERSIGN_TEAMS_CERTIFICATE_FILE: file('certificate.pem') }),
      'COUNTERSIGN_TEAMS_KEY_FILE',
    ],
    [
      'the key of another certificate',
      () => ({
        COUNTERSIGN_TEAMS_CERTIFICATE_FILE: file('certificate.pem'),
        COUNTERSIGN_TEAMS_KEY_FILE: file('other.pem'),
      }),
      'its RSA key',
    ],
    [
      'an assertion file that is not there',
      () => ({ COUNTERSIGN_TEAMS_ASSERTION_FILE: file('missing') }),
      'COUNTERSIGN_TEAMS_ASSERTION_FILE',
    ],
    [
      'a switch that skips authentication',
      () => ({ ...withSecret, DANGEROUSLY_ALLOW_UNAUTHENTICATED_REQUESTS: 'true' }),
      'DANGEROUSLY_ALLOW_UNAUTHENTICATED_REQUESTS',
    ],
    ['another such switch', () => ({ ...withSecret, BOT_SKIP_AUTH: '1' }), 'BOT_SKIP_AUTH'],
    [
      'a switch that takes any certificate',
      () => ({ ...withSecret, NODE_TLS_REJECT_UNAUTHORIZED: '0' }),
      'NODE_TLS_REJECT_UNAUTHORIZED',
    ],
  ])('when there is %s, then the start is refused', (_name, environment, words) => {
    const start = () => checkedTeams(source(), environment());

    expect(start).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }));
    expect(start).toThrow(words);
    expect(start).not.toThrow('never-shown');
  });

  test('when a switch is set to off, then it is no matter', () => {
    const environment = { ...withSecret, SKIP_AUTH: 'false' };

    expect(checkedTeams(source(), environment).appId).toBe(appId);
  });

  test.each([
    [
      'a group that has no name',
      { post: [{ groups: ['strangers'], conversation: 'x' }] },
      'teams.post.0.groups',
    ],
    ['people of a group without a name', { people: { constructor: [petra] } }, 'teams.people'],
    ['a tenant that nobody signs in from', { tenant: appId }, 'teams.tenant'],
  ])('when it names %s, then the start is refused', (_name, changes, words) => {
    expect(() => checkedTeams(source(changes), withSecret)).toThrow(words);
  });
});
