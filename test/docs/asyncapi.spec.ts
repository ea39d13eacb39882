import { Parser } from '@asyncapi/parser';
import { expect, test } from 'vitest';
import { stringify } from 'yaml';
import { contracts } from '#contracts';
import { asyncApiDocument } from './asyncapi.js';

test('when the contracts change, then docs/asyncapi.yaml says so: it is generated (vitest -u)', async () => {
  const header =
    '# Generated from libs/contracts. Do not edit: run `npx vitest run test/docs -u`.\n';
  const text =
    header + stringify(asyncApiDocument(), { aliasDuplicateObjects: false, lineWidth: 100 });

  await expect(text).toMatchFileSnapshot('../../docs/asyncapi.yaml');
});

/** `DiagnosticSeverity.Error` of the parser. */
const errorSeverity = 0;

test('when the document is read by the AsyncAPI parser, then it has no fault', async () => {
  const { diagnostics, document } = await new Parser().parse(JSON.stringify(asyncApiDocument()));

  expect(diagnostics.filter((each) => each.severity.valueOf() === errorSeverity)).toEqual([]);
  expect(document?.operations().all().length).toBe(contracts.length);
}, 30_000);
