import type { Mutant } from './mutant.js';

const mcp = 'services/ingress/src/mcp';
const decide = {
  file: 'services/policy/src/decide.ts',
  spec: 'services/policy/src/decide.spec.ts',
};
const masking = 'services/masking/src/masking.service.spec.ts';
const policy = 'services/policy/src/policy.service.spec.ts';
const trust = 'libs/trust/src/trust.spec.ts';
const operation = {
  file: `${mcp}/operation.ts`,
  spec: `${mcp}/operation.spec.ts`,
};
const claims = {
  file: 'libs/identity/src/claims.ts',
  spec: 'libs/identity/src/identity.spec.ts',
};

/** The guards around what is read of a call, who makes it, what policy says, and what is masked. */
export const judgingMutants: readonly Mutant[] = [
  {
    file: 'libs/trust/src/countersignature.ts',
    spec: trust,
    law: 2,
    name: 'a signature for one purpose serves another',
    snippet: 'countersign:${purpose}:v1',
    replacement: 'countersign:v1',
    test: 'when it was signed for another purpose or by another key, then it does not verify',
  },
  {
    ...decide,
    law: 3,
    name: 'a call that no rule matches is allowed',
    snippet: `return { effect: 'deny', ruleIds: [], message: 'No rule allows this call.', ...nobody };`,
    replacement: `return { effect: 'allow', ruleIds: [], message: 'Allowed.', ...nobody };`,
    test: 'when no rule matches, then the call is denied and the resource hidden',
  },
  {
    ...decide,
    law: 3,
    name: 'a condition that cannot be evaluated allows',
    snippet: 'const errorApplies = !opensAtOnce.has(rule.effect);',
    replacement: 'const errorApplies = true;',
    test: 'when it stands in a rule with effect allow, then the call is not let through',
  },
  {
    ...decide,
    law: 2,
    name: 'break-glass opens for whoever is in its group, demanded or not',
    snippet: 'return input.breakGlass === true && rule.layer === uppermost(bundle) && isForCaller;',
    replacement: 'return rule.layer === uppermost(bundle) && isForCaller;',
    test: 'when it is not demanded, then it counts for nothing',
  },
  {
    ...decide,
    law: 2,
    name: 'a team passes the review of everybody by with break-glass of its own',
    snippet: 'return input.breakGlass === true && rule.layer === uppermost(bundle) && isForCaller;',
    replacement: 'return input.breakGlass === true && isForCaller;',
    test: 'when it stands in a lower layer, then it does not pass the review of the upper one by',
  },
  {
    file: 'services/masking/src/masking.consumer.ts',
    spec: masking,
    law: 4,
    name: 'masking publishes what it was given',
    snippet: 'const { value, counts } = maskValue(answer, profile);',
    replacement: 'const { value, counts } = { ...maskValue(answer, profile), value: answer };',
    test: 'when an answer is sealed for masking, then its masked text is published and counted',
  },
  {
    file: 'libs/trust/src/seal.ts',
    spec: masking,
    law: 4,
    name: 'an answer opens under a weaker mask than was ordered',
    snippet: 'canonicalJson([callId, part, last, mask])',
    replacement: 'canonicalJson([callId, part, last])',
    test: 'when it was sealed under a stricter mask, then nothing is shown',
  },
  {
    file: 'services/policy/src/policy.consumer.ts',
    spec: policy,
    law: 5,
    name: 'policy judges arguments that the digest does not name',
    snippet: 'callDigest({ ...data, ...opened }) === data.digest ? opened : undefined',
    replacement: 'opened',
    test: 'when the digest is that of other arguments, then the call is denied',
  },
  {
    file: 'libs/trust/src/digest.ts',
    spec: trust,
    law: 5,
    name: 'what goes along with the arguments is not signed',
    snippet:
      'canonicalJson({ protocol, server, method, resource, kind, arguments: args, extras, facts })',
    replacement:
      'canonicalJson({ protocol, server, method, resource, kind, arguments: args, facts })',
    test: 'when what goes along changes, then the digest changes',
  },
  {
    ...operation,
    law: 5,
    name: 'a tool gets arguments that nobody judged',
    snippet: 'arguments: toolArguments === undefined ? {} : toolArguments,',
    replacement: 'arguments: {},',
    test: 'when the arguments changes, then the digest changes: all that goes upstream is signed',
  },
  {
    file: `${mcp}/strict-json.ts`,
    spec: `${mcp}/strict-json.spec.ts`,
    law: 5,
    name: 'a request that two parsers read differently is taken',
    snippet: `if (keys.has(key)) throw new UnreadableJson('DUPLICATE_KEY');`,
    replacement: '',
    test: 'when it has a repeated key, then it is refused',
  },
  {
    file: `${mcp}/intake.ts`,
    spec: 'test/faults/secrets.spec.ts',
    law: 7,
    name: 'the token of the caller goes upstream',
    snippet: 'const upstream = upstreamHeaders(headers, said.message);',
    replacement: 'const upstream = { authorization: String(headers.authorization) };',
    test: 'then the server was sent the call, and neither the caller’s token nor any other',
  },
  {
    file: 'services/ingress/src/servers.ts',
    spec: `${mcp}/session-upstream.spec.ts`,
    law: 7,
    name: 'a child process gets every secret of the gateway',
    snippet: `for (const name of ['PATH', 'HOME']) {`,
    replacement: 'for (const name of Object.keys(this.environment)) {',
    test: 'when the child gets an environment, then it holds what the configuration says',
  },
  {
    ...claims,
    law: 8,
    name: 'groups that a token does not list are no groups',
    snippet: 'if (isOverage && claims.groups === undefined) {',
    replacement: 'if (false) {',
    test: 'when it does not list its groups',
  },
  {
    ...decide,
    law: 8,
    name: 'who has no groups is in every group',
    snippet: 'rule.groups === undefined ||',
    replacement: 'rule.groups === undefined || input.principal.groups.length === 0 ||',
    test: 'when a rule names groups, then it matches only their members',
  },
  {
    file: `${mcp}/session-ids.ts`,
    spec: `${mcp}/session-ids.spec.ts`,
    law: 8,
    name: 'a session opens for the same object id in another tenant',
    snippet: 'return JSON.stringify([server, tenantId, objectId, clientApp]);',
    replacement: 'return JSON.stringify([server, objectId, clientApp]);',
    test: 'when another tenant uses it, then it is unknown',
  },
  {
    file: 'services/policy/src/bundles.ts',
    spec: policy,
    law: 8,
    name: 'a changed policy does not come into force',
    snippet: 'this.#current = await compileFolder(this.folder, this.groups);',
    replacement: 'await compileFolder(this.folder, this.groups);',
    test: 'when the policy changes, then it holds from the next call on',
  },
  {
    ...claims,
    law: 9,
    name: 'an agent counts as the person that it acts for',
    snippet: `if (claims.xms_par_app_azp !== undefined) return 'agent';`,
    replacement: '',
    test: 'when an agent identity calls, then it is an agent, whatever else it claims',
  },
];
