import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { refusalOf, TokenError, type TokenErrorCode } from '#identity';
import { entityTypes, maskProfileSchema } from '#masking';
import { readConfigFile } from '#runtime';
import { Refusal, type RefusalCode } from '../../services/ingress/src/gate/refusal.js';
import type { Message } from '../../services/ingress/src/mcp/message.js';
import { refusalAnswer } from '../../services/ingress/src/mcp/refusal-answer.js';
import { compileCondition } from '../../services/policy/src/condition.js';
import { codesOf, strictObjectsOf, variablesOf } from './source.js';
import { type Row, rowsIn } from './tables.js';

const configuration = rowsIn(readFileSync('docs/configuration.md', 'utf8'));
const policy = readFileSync('docs/policy.md', 'utf8');
const rest = rowsIn(readFileSync('docs/rest.md', 'utf8'));

const about = (rows: readonly Row[], name: string): readonly string[] =>
  rows.find(({ names }) => names.includes(name))?.cells ?? [];

describe('docs/configuration.md', () => {
  const places: Record<string, string> = {
    configSchema: '',
    entraSchema: 'entra.',
    ingressSchema: 'ingress.',
    approvalSchema: 'approval.',
    auditSchema: 'audit.',
    httpServerSchema: 'servers.<name>.',
    stdioServerSchema: 'servers.<name>.',
    definitionsSchema: 'servers.<name>.definitions.',
    serverLimitsSchema: 'servers.<name>.limits.',
    headerCredentialSchema: 'servers.<name>.credential.',
    oauthCredentialSchema: 'servers.<name>.credential.',
    oauthSchema: 'servers.<name>.credential.oauth.',
    clientSchema: 'ingress.clients.',
    webhookSchema: 'approval.webhooks.',
    pageSchema: 'approval.page.',
    graphSchema: 'approval.graph.',
    teamsSchema: 'teams.',
    postSchema: 'teams.post.',
  };
  const schemas = ['config-file', 'upstream-config', 'approval-config', 'teams-config'].flatMap(
    (name) => strictObjectsOf(`libs/runtime/src/${name}.ts`),
  );
  const keys = schemas.flatMap(({ schema, keys }) =>
    keys.map((key) => `${places[schema] ?? `${schema}?`}${key}`),
  );

  test('when countersign.yaml has a key, then the page has a row for it, and for no other', () => {
    const shown = configuration.flatMap(({ names }) => names).filter((name) => /^[a-z]/.test(name));

    expect(keys.filter((key) => about(configuration, key).length === 0)).toEqual([]);
    expect(shown.filter((name) => name.includes('.') && !keys.includes(name))).toEqual([]);
  });

  test('when a key has a default, then its row says so', () => {
    const folder = mkdtempSync(join(tmpdir(), 'countersign-docs-'));
    const file = join(folder, 'countersign.yaml');
    writeFileSync(
      file,
      'entra: { tenants: [11111111-2222-4333-8444-555555555555], audience: api }',
    );
    const { approval, entra, ingress, publicUrl } = readConfigFile(file);
    rmSync(folder, { recursive: true });
    const { approvalScope, authority, scope, workloadRole } = entra;
    const defaults = Object.entries({
      publicUrl,
      ...under('entra', { approvalScope, authority, scope, workloadRole }),
      ...under('ingress', ingress),
      ...under('approval', approval),
    });

    const missing = defaults.filter(([key, value]) => {
      const said = typeof value === 'object' ? 'none' : `\`${value}\``;
      return about(configuration, key)[1] !== said;
    });

    expect(missing).toEqual([]);
  });

  const common = variablesOf('libs/runtime/src/environment.ts').filter(
    (name) => name !== 'KAFKA_BROKERS',
  );
  const readers: [service: string, variables: string[]][] = [
    ...readdirSync('services')
      .map((service): [string, string[]] => [service, environmentOf(service)])
      .filter(([, variables]) => variables.length > 0),
    ['all', common],
  ];

  test.each(readers)(
    'when %s reads an environment variable, then the page says so',
    (service, variables) => {
      const unsaid = variables.filter((name) => {
        const readBy = about(configuration, name)[1] ?? '';
        return readBy !== 'all' && !readBy.split(', ').includes(service);
      });

      expect(variables).not.toEqual([]);
      expect(unsaid).toEqual([]);
    },
  );

  test('when the demo reads an environment variable, then README and the page name it', () => {
    const names = variablesOf('demo/main.ts').filter((name) => name.endsWith('_PORT'));

    expect(names).toHaveLength(5);
    for (const document of ['README.md', 'docs/configuration.md']) {
      const text = readFileSync(document, 'utf8');
      expect(names.filter((name) => !text.includes(`\`${name}\``))).toEqual([]);
    }
  });
});

describe('docs/policy.md', () => {
  const prose = policy.replaceAll(/^```[^]*?^```$/gm, '');
  const spans = new Set([...prose.matchAll(/`([^`]+)`/g)].map(([, text]) => text));
  const rows = rowsIn(policy);

  test('when a policy file may have a key, then the page names it', () => {
    const keys = [
      ...strictObjectsOf('services/policy/src/bundle-file.ts').flatMap(({ keys }) => keys),
      ...Object.keys(maskProfileSchema.shape).filter((key) => key !== 'floor'),
    ];

    expect(keys.filter((key) => !spans.has(key))).toEqual([]);
  });

  test('when values are masked, then every kind of value and every operator is named', () => {
    const source = readFileSync('libs/masking/src/profile.ts', 'utf8');
    const operators = [...source.matchAll(/op: z\.literal\('(\w+)'\)/g)].map(([, op]) => op ?? '');

    expect(entityTypes.filter((each) => !spans.has(each))).toEqual([]);
    expect(operators).not.toEqual([]);
    expect(operators.filter((each) => !policy.includes(`op: ${each}`))).toEqual([]);
  });

  test('when conditions may read something, then it has a row, and nothing else has', () => {
    const source = readFileSync('services/policy/src/condition.ts', 'utf8');
    const variables = [...source.matchAll(/name: '(\w+)',\s+schema: \{([^}]+)\}/g)].flatMap(
      ([, variable, members]) =>
        [...(members ?? '').matchAll(/(\w+): '/g)].map(([, member]) => `${variable}.${member}`),
    );
    const shown = rows
      .flatMap(({ names }) => names)
      .filter((name) => /^(call|principal)\.\w+$/.test(name));

    expect(shown.toSorted()).toEqual(variables.toSorted());
  });

  const begin = rows.findIndex(({ cells }) => cells[0] === 'expression');
  const expressions = rows.slice(begin + 2).filter(({ names }) => names.length === 1);

  test.each(expressions.map(({ names }) => names[0] ?? ''))(
    'when the expression %s stands in a rule, then it compiles',
    (expression) => {
      expect(() => compileCondition(expression)).not.toThrow();
    },
  );

  test('when the table of expressions is read, then it is not empty', () => {
    expect(expressions.length).toBeGreaterThan(8);
  });
});

describe('docs/rest.md', () => {
  // The tests here run over names that were read as text.
  // oxlint-disable typescript/no-unsafe-type-assertion
  const refusalCodes = codesOf(
    'services/ingress/src/gate/refusal.ts',
    'RefusalCode',
  ) as RefusalCode[];
  const tokenCodes = codesOf(
    'libs/identity/src/token-verifier.ts',
    'TokenErrorCode',
  ) as TokenErrorCode[];
  // oxlint-enable typescript/no-unsafe-type-assertion
  const rows = (columns: number): readonly Row[] =>
    rest.filter(({ cells }) => cells.length === columns);
  const question: Message = { kind: 'request', id: 1, method: 'ping', body: {} };

  test.each(refusalCodes)(
    'when a call is refused with %s, then the table has its JSON-RPC code and its HTTP status',
    (code) => {
      const [, rpc, http, executed, advice] = about(rows(5), code);
      const refusal = new Refusal(code, 'intake', 'no');
      const asked = refusalAnswer(refusal, { callId: 'id' }, question);
      const told = refusalAnswer(refusal, { callId: 'id' }, undefined);
      const error = { code: Number(rpc) };

      expect(asked.body).toMatchObject({ error });
      expect(http?.replace(/ \(.*/, '')).toBe(
        [...new Set([asked.status, told.status])].join(' / '),
      );
      expect(executed).toMatch(/no|yes|unknown/);
      expect(advice).toMatch(/\w/);
    },
  );

  test.each(tokenCodes)(
    'when a token is refused with %s, then the table has its status',
    (code) => {
      const { status } = refusalOf(new TokenError(code, 'no'), {});

      expect(about(rows(3), code)[1]).toBe(String(status));
    },
  );

  test('when a REST route refuses, then the table has its code', () => {
    const codes = [
      ...codesOf('services/approval/src/approval-error.ts', 'ApprovalErrorCode'),
      ...codesOf('services/audit/src/audit-error.ts', 'AuditErrorCode'),
      ...sources().flatMap((text) =>
        [...text.matchAll(/new Problem\([^']*'([A-Z_]+)'/g)].map(([, code]) => code ?? ''),
      ),
    ];

    expect(codes).toContain('AUDITOR_ROLE_REQUIRED');
    expect(codes.filter((code) => about(rows(3), code).length === 0)).toEqual([]);
  });

  test('when a list may be narrowed by something, then its parameter is named', () => {
    const text = readFileSync('docs/rest.md', 'utf8');
    const audit = readFileSync('services/audit/src/filters.ts', 'utf8');
    const [, members = ''] = /const common = \{([^]*?)\n\};/.exec(audit) ?? [];
    const parameters = [
      ...[...members.matchAll(/^ {2}(\w+):/gm)].map(([, name]) => name ?? ''),
      ...strictObjectsOf('services/approval/src/approvals.controller.ts')
        .filter(({ schema }) => schema === 'listSchema')
        .flatMap(({ keys }) => keys),
    ];

    expect(parameters.length).toBeGreaterThan(12);
    expect(parameters.filter((name) => !text.includes(`\`${name}\``))).toEqual([]);
  });
});

function under(section: string, values: object): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(values).map(([key, value]) => [`${section}.${key}`, value]),
  );
}

/** The variables of a service's own, where its start reads them. */
function environmentOf(service: string): string[] {
  const folder = `services/${service}/src`;
  const files = readdirSync(folder).filter((name) => name === 'start.ts' || name === 'main.ts');
  const own = files.flatMap((name) => variablesOf(`${folder}/${name}`));
  const isOnKafka = files.includes('start.ts');
  return isOnKafka ? [...own, 'KAFKA_BROKERS'] : own;
}

/** The code of everything that answers REST. */
function sources(): string[] {
  return ['services', 'libs'].flatMap((folder) =>
    readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((path) => path.endsWith('.ts') && !path.endsWith('.spec.ts'))
      .map((path) => readFileSync(`${folder}/${path}`, 'utf8')),
  );
}
