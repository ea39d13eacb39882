import type { Mutant } from './mutant.js';

const folder = 'services/ingress/src';
const spec = `${folder}/gate/release.spec.ts`;
const gate = { file: `${folder}/gate/gate.ts`, spec };
const judging = { file: `${folder}/gate/judging.ts`, spec };
const statements = { file: `${folder}/gate/statements.ts`, spec };
const continuing = { spec: `${folder}/mcp/continuations.spec.ts` };

/** The guards between a signature and the call that it is for. */
export const releaseMutants: readonly Mutant[] = [
  {
    ...gate,
    law: 2,
    name: 'what people signed goes on without another word of policy',
    snippet: 'const decided = await this.#judging.release(passage, asked, approved);',
    replacement: 'const decided = asked;',
    test: 'when policy says nothing any more, then nothing runs',
  },
  {
    ...judging,
    law: 2,
    name: 'what people signed goes on although policy denies it by now',
    snippet: `if (verdict.effect === 'deny') {`,
    replacement: 'if (false) {',
    test: 'when policy by now denies it, then it does not run',
  },
  {
    ...judging,
    law: 2,
    name: 'a verdict on the request counts as the word on its release',
    snippet: '(event.event.data.verdict.releases === undefined) === (releases === undefined);',
    replacement: 'true;',
    test: 'when the verdict on the request is repeated before it, then it runs once',
  },
  {
    ...statements,
    law: 2,
    name: 'a word on the release of another approval counts',
    snippet: `if (verdict.releases !== subject.releases) return 'ANOTHER_APPROVAL';`,
    replacement: '',
    test: 'when the word on its release releases another approval, then nothing runs',
  },
  {
    ...statements,
    law: 8,
    name: 'signatures that were given under another policy count',
    snippet:
      "if (release.bundle !== statement.bundle) return 'The policy changed while people were asked';",
    replacement: '',
    test: 'when another policy wants people by now, then the signatures are stale',
  },
  {
    ...statements,
    law: 9,
    name: 'signatures count that are not those which are asked for by now',
    snippet: 'canonicalJson(release.approval) === canonicalJson(asked.approval)',
    replacement: 'true',
    test: 'when the same policy wants other people by now, then the signatures are stale',
  },
  {
    ...statements,
    law: 5,
    name: 'a tool runs that is described otherwise than what was signed',
    snippet: 'return statement.definition !== now.definition.digest;',
    replacement: 'return false;',
    test: 'when the tool is described otherwise than what was signed, then nothing runs',
  },
  {
    ...judging,
    law: 8,
    name: 'a call runs whose caller is no longer identified',
    snippet: 'const now = await caller.renewed();',
    replacement: 'const now = subject.call;',
    test: 'when the token has expired meanwhile, then nothing runs',
  },
  {
    ...judging,
    law: 8,
    name: 'a call runs for another caller than the one who asked',
    snippet: 'this.#checkCaller(subject, now);',
    replacement: '',
    test: 'when it is another caller by now, then nothing runs',
  },
  {
    ...gate,
    law: 2,
    name: 'the word on a release counts without end',
    snippet: 'const ends = [endOf(statement), decided.data.verdict.notAfter];',
    replacement: 'const ends = [endOf(statement)];',
    test: 'word is over before the forwarding is on record, then nothing runs',
  },
  {
    ...gate,
    law: 8,
    name: 'a call begins under a grant that has ended',
    snippet: `if (ended?.aborted === true) throw grantEnded('forward', 'no');`,
    replacement: '',
    test: 'when it ends while policy is asked once more, then nothing runs',
  },
  {
    ...gate,
    law: 8,
    name: 'a call runs on when its grant has ended',
    snippet: 'ended === undefined ? parts : untilEnded(parts, ended)',
    replacement: 'parts',
    test: 'when the grant is revoked while it runs, then it is cut off',
  },
  {
    file: `${folder}/gate/grants-in-use.ts`,
    spec,
    law: 8,
    name: 'a grant counts whose end was told before',
    snippet: 'if (this.#ended.has(grantId) || !(leftMs > 0)) end();',
    replacement: '',
    test: 'when its end was told before its use, then nothing runs',
  },
  {
    ...gate,
    spec: `${folder}/gate/statements.spec.ts`,
    law: 6,
    name: 'a call runs that nobody waits for',
    snippet: `if (caller.withdrawn.aborted) throw cancelled('forward', caller, subject.call.joins);`,
    replacement: '',
    test: 'when a call is taken back while its forwarding is being recorded, then it does not run',
  },
  {
    ...judging,
    law: 7,
    name: 'what a caller says of its reasons is on the bus in clear',
    snippet: 'justification: maskedWords(justification)',
    replacement: 'justification',
    test: 'when it says why, then the record has its words masked, and the log never in clear',
  },
  {
    ...continuing,
    file: `${folder}/mcp/continuations.ts`,
    law: 8,
    name: 'whoever holds a task id or a state may go on with it',
    snippet: 'return JSON.stringify([purpose, server, tenantId, objectId, clientApp]);',
    replacement: 'return JSON.stringify([purpose]);',
    test: 'when another person asks after a task, then there is none',
  },
  {
    ...continuing,
    file: `${folder}/mcp/continued.ts`,
    law: 5,
    name: 'a state goes on with other arguments than those it was given for',
    snippet: 'const isSame = leg?.digest === callDigest(asked);',
    replacement: 'const isSame = true;',
    test: 'when a state is of other arguments, then it is refused',
  },
];
