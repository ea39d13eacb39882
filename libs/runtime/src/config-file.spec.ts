import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { readConfigFile, readEnvironment } from './config-file.js';
import { pemVariable, portVariable, sealKeyVariable } from './environment.js';

const folder = mkdtempSync(join(tmpdir(), 'countersign-config-'));
afterAll(() => rmSync(folder, { recursive: true }));

const read = (text: string) => {
  const file = join(folder, 'countersign.yaml');
  writeFileSync(file, text);
  return readConfigFile(file);
};
const entra = 'entra: { tenants: [11111111-2222-4333-8444-555555555555], audience: api }\n';

test('when the file says what is needed, then the rest has safe defaults and paths are absolute', () => {
  const config = read(
    `${entra}servers: { orders: { url: 'https://orders/mcp' } }\npolicies: ./rules\n`,
  );

  expect(config.policies).toBe(join(folder, 'rules'));
  expect(config.servers['orders']).toEqual({
    url: 'https://orders/mcp',
    headers: {},
    network: 'any',
    connectTimeoutMs: 5000,
    labels: {},
  });
  expect(config.entra).toMatchObject({
    authority: 'https://login.microsoftonline.com',
    scope: 'mcp.invoke',
    clientApps: [],
  });
  expect(config.ingress).toMatchObject({ verdictTimeoutMs: 5000, allowedOrigins: [] });
});

test('when ids are written in capitals and files beside the configuration, then both are found', () => {
  const config = read(
    `${entra.replaceAll('5', 'A')}groups: { sre: AAAAAAAA-2222-4333-8444-555555555555 }
servers: { a: { url: 'https://a', credential: { valueFile: token.txt } } }\n`,
  );

  expect(config.entra.tenants).toEqual(['11111111-2222-4333-8444-aaaaaaaaaaaa']);
  expect(config.groups['sre']).toBe('aaaaaaaa-2222-4333-8444-555555555555');
  expect(config.servers['a']).toMatchObject({
    credential: { valueFile: join(folder, 'token.txt') },
  });
});

const oauth = (more: string, tokenUrl = 'https://login.example/token') =>
  `${entra}servers: { a: { url: 'https://a', credential: { oauth: { tokenUrl: '${tokenUrl}', clientId: me, ${more} } } } }`;

test('when a server names files for itself and its authority, then all are found beside the configuration', () => {
  const config = read(
    oauth('clientSecretFile: secret, caFile: login.pem').replace(
      "url: 'https://a'",
      "url: 'https://a', caFile: a.pem",
    ),
  );

  expect(config.servers['a']).toMatchObject({
    caFile: join(folder, 'a.pem'),
    credential: {
      oauth: {
        clientSecretFile: join(folder, 'secret'),
        caFile: join(folder, 'login.pem'),
        clientAuthentication: 'post',
        network: 'any',
        parameters: {},
      },
    },
  });
});

test('when the authority is on this very machine, then it may do without TLS', () => {
  const config = read(oauth("clientSecret: '${SECRET}'", 'http://127.0.0.1:9/token'));

  expect(config.servers['a']).toMatchObject({
    credential: { oauth: { clientSecret: '${SECRET}' } },
  });
});

describe('a mistake stops the start and is named by its key', () => {
  test.each<[string, string, RegExp]>([
    ['no tenant', 'entra: { tenants: [], audience: api }', /entra\.tenants/],
    ['a tenant that is none', 'entra: { tenants: [contoso], audience: api }', /entra\.tenants\.0/],
    [
      'an authority without TLS',
      entra.replace('}', ', authority: "http://login.example" }'),
      /entra\.authority/,
    ],
    ['a public URL with a path', `${entra}publicUrl: 'https://a/gate'`, /publicUrl.*origin/],
    ['an unknown key', `${entra}serverz: {}`, /serverz/],
    [
      'an unknown key deep inside',
      `${entra}ingress: { verdictTimeout: 1 }`,
      /ingress.*verdictTimeout/s,
    ],
    ['a server of an unknown kind', `${entra}servers: { a: { port: 1 } }`, /servers\.a/],
    [
      'a server with a strange URL',
      `${entra}servers: { a: { url: 'file:///etc/passwd' } }`,
      /servers\.a/,
    ],
    [
      'a credential given twice',
      `${entra}servers: { a: { url: 'https://a', credential: { value: x, valueFile: y } } }`,
      /servers\.a/,
    ],
    ...[
      ['Host', 'is written by the gateway'],
      ['Transfer-Encoding', 'is written by the gateway'],
      ['proxy-authorization', 'is written by the gateway'],
      ['Content-Type', 'is written by the gateway'],
      ['MCP-Session-Id', 'is written by the gateway'],
      ['Accept-Encoding', 'is written by the gateway'],
      ['a b', 'is no name of a header'],
    ].map(([name = '', words = '']): [string, string, RegExp] => [
      `a header of its own: ${name}`,
      `${entra}servers: { a: { url: 'https://a', headers: { '${name}': x } } }`,
      new RegExp(`servers\\.a\\.headers\\.${name}: ${words}`),
    ]),
    [
      'a header with a second line',
      `${entra}servers: { a: { url: 'https://a', headers: { X-A: "1\\r\\nX-B: 2" } } }`,
      /servers\.a\.headers\.X-A: is no value/,
    ],
    [
      'a header twice',
      `${entra}servers: { a: { url: 'https://a', headers: { X-A: 1a, x-a: 2a } } }`,
      /servers\.a\.headers\.x-a: stands there twice/,
    ],
    [
      'a header beside the credential that is the same',
      `${entra}servers: { a: { url: 'https://a', headers: { x-api-key: a }, credential: { header: X-Api-Key, value: b } } }`,
      /servers\.a: headers: one of them is that of the credential/,
    ],
    [
      'a credential in a header of the gateway',
      `${entra}servers: { a: { url: 'https://a', credential: { header: Content-Type, value: b } } }`,
      /servers\.a\.credential\.header: is written by the gateway/,
    ],
    [
      'a network that there is not',
      `${entra}servers: { a: { url: 'https://a', network: dmz } }`,
      /servers\.a\.network/,
    ],
    [
      'a transport that there is not',
      `${entra}servers: { a: { url: 'https://a', transport: websocket } }`,
      /servers\.a\.transport/,
    ],
    [
      'processes shared in a way that there is not',
      `${entra}servers: { a: { command: [x], processes: tenant } }`,
      /servers\.a\.processes/,
    ],
    [
      'a key of the other kind of server',
      `${entra}servers: { a: { command: [x], network: public } }`,
      /servers\.a: .*network/,
    ],
    [
      'neither a url nor a command',
      `${entra}servers: { a: {} }`,
      /servers\.a\.command: give a url/,
    ],
    [
      'a token endpoint without TLS',
      oauth("clientSecret: '${SECRET}'", 'http://login.example/token'),
      /servers\.a\.credential\.oauth\.tokenUrl: must be an https URL/,
    ],
    [
      'a token endpoint with a user name in it',
      oauth("clientSecret: '${SECRET}'", 'https://me:pass@login.example/token'),
      /servers\.a\.credential\.oauth\.tokenUrl: must be an https URL, without a user name/,
    ],
    [
      'a client secret in clear',
      oauth('clientSecret: hunter2'),
      /servers\.a\.credential\.oauth\.clientSecret: write \$\{NAME\} of a variable/,
    ],
    [
      'no client secret',
      oauth('scope: x'),
      /servers\.a\.credential\.oauth: give either clientSecret/,
    ],
    [
      'a parameter that has a key of its own',
      oauth("clientSecret: '${SECRET}', parameters: { grant_type: password }"),
      /servers\.a\.credential\.oauth: parameters/,
    ],
    [
      'both a token and a header',
      `${entra}servers: { a: { url: 'https://a', credential: { value: x, oauth: {} } } }`,
      /servers\.a\.credential.*value/,
    ],
    ['a group that is no object id', `${entra}groups: { sre: sre }`, /groups\.sre/],
    ['a repeated key', `${entra}${entra}`, /cannot be read: DUPLICATE_KEY in line 2/],
    ['no YAML', 'a: [', /cannot be read: \w+ in line 1/],
  ])('when it has %s', (_, text, message) => {
    expect(() => read(text)).toThrow(message);
  });

  test('when several things are wrong, then all are named at once, and no value is shown', () => {
    const text = `entra: { tenants: [secret-tenant], audience: "" }\ngroups: { sre: secret-group }`;

    expect(() => read(text)).toThrow(/entra\.tenants\.0[^]*entra\.audience[^]*groups\.sre/);
    expect(() => read(text)).not.toThrow(/secret-/);
  });

  test('when the file is missing', () => {
    expect(() => readConfigFile(join(folder, 'none.yaml'))).toThrow(
      /none\.yaml cannot be read: ENOENT/,
    );
  });

  test('when a secret reads like an alias, then the message does not quote it', () => {
    expect(() => read('a: *My$ecret1')).toThrow(/cannot be read/);
    expect(() => read('a: *My$ecret1')).not.toThrow(/ecret1/);
  });

  test('when it is no YAML around a secret, then the message does not quote it', () => {
    expect(() => read('servers:\n  a: { value: "secret-token }\nb: ]')).toThrow(/ in line \d/);
    expect(() => read('servers:\n  a: { value: "secret-token }\nb: ]')).not.toThrow(/secret-token/);
  });
});

test('when the environment lacks keys or holds bad ones, then all are named, and never shown', () => {
  const schema = z.object({ KEY: pemVariable, SEAL: sealKeyVariable, PORT: portVariable(1) });
  const environment = { KEY: 'c2VjcmV0', SEAL: 'secret', PORT: '99999' };

  expect(() => readEnvironment(schema, environment)).toThrow(/KEY[^]*SEAL[^]*PORT/);
  expect(() => readEnvironment(schema, environment)).not.toThrow(/c2VjcmV0|secret/);
  expect(() => readEnvironment(schema, {})).toThrow(/KEY/);
});

test.each(['a__b', 'a_'])(
  'when servers are offered together, then none may be called %s',
  (name) => {
    const servers = `servers: { ${name}: { command: [a] } }\n`;

    expect(() => read(`${entra}aggregate: true\n${servers}`)).toThrow(/may hold __ or end with _/);
    expect(read(entra + servers).aggregate).toBe(false);
  },
);
