import { type ASTNode, Environment, serialize } from '@marcbachmann/cel-js';
import { RE2JS } from 're2js';

/** A condition that cannot be used; the message says what to change. */
export class ConditionError extends Error {
  override readonly name = 'ConditionError';
}

/** What a condition may read. */
export interface ConditionInput {
  readonly principal: {
    readonly id: string;
    readonly tenant: string;
    readonly kind: string;
    readonly clientApp: string;
    /** Object ids, and the configured names of those that have one. */
    readonly groups: readonly string[];
    readonly roles: readonly string[];
  };
  readonly call: {
    readonly protocol: string;
    readonly server: string;
    readonly labels: Readonly<Record<string, string>>;
    readonly method: string;
    readonly resource: string;
    readonly tool: string;
    readonly action: string;
    readonly objects: readonly string[];
    readonly complete: boolean;
    readonly arguments: unknown;
  };
}

/** A compiled condition. Evaluation throws for a missing member or a type that does not fit. */
export type Condition = (input: ConditionInput) => boolean;

const macros = new Set(['all', 'exists', 'exists_one', 'map', 'filter']);
/** Each nesting multiplies the work by the length of a list that the caller chooses. */
const maxMacroNesting = 2;
const maxPatternLength = 500;
const linearMatch = 'matchesLinear';

const compiledPatterns = new Map<string, RE2JS>();

const environment = new Environment({ unlistedVariablesAreDyn: false })
  .registerVariable({
    name: 'principal',
    schema: {
      id: 'string',
      tenant: 'string',
      kind: 'string',
      clientApp: 'string',
      groups: 'list<string>',
      roles: 'list<string>',
    },
  })
  .registerVariable({
    name: 'call',
    schema: {
      protocol: 'string',
      server: 'string',
      labels: 'map<string, string>',
      method: 'string',
      resource: 'string',
      tool: 'string',
      action: 'string',
      objects: 'list<string>',
      complete: 'bool',
      arguments: 'dyn',
    },
  })
  .registerFunction(`string.${linearMatch}(string): bool`, matchLinear);

/**
 * Compiles a CEL expression that answers true or false. Regular expressions run on RE2, in linear time,
 * and must be written out, so that a bad one is found now.
 * @throws ConditionError for a syntax or type error, an unknown member, or a pattern that RE2 refuses.
 */
export function compileCondition(
  source: string,
  /** `none` for conditions of callers: patterns are kept, and may be many and large. */
  patterns: 'linear' | 'none' = 'linear',
): Condition {
  try {
    const { ast } = environment.parse(source);
    prepare(ast, 0, patterns);
    const rewritten = serialize(ast);
    const { error, type, valid } = environment.check(rewritten);
    if (!valid)
      throw new ConditionError(error?.message ?? 'the type does not fit', { cause: error });
    if (type !== 'bool' && type !== 'dyn') throw new ConditionError(`answers ${type}, not bool`);
    const evaluate = environment.parse(rewritten);
    return (input) => {
      const result: unknown = evaluate({ ...input });
      if (typeof result !== 'boolean') throw new ConditionError('the condition gave no bool');
      return result;
    };
  } catch (cause) {
    if (cause instanceof ConditionError) throw cause;
    throw new ConditionError(cause instanceof Error ? cause.message : 'unreadable', { cause });
  }
}

/** Compiles every pattern, points `matches` at RE2, and refuses deep nesting of macros. */
function prepare(node: ASTNode, nesting: number, patterns: 'linear' | 'none'): void {
  if (node.op === 'rcall' || node.op === 'call') {
    const [name, ...rest] = node.args;
    const parameters = rest.flat();
    if (name === 'matches') {
      if (patterns === 'none') throw new ConditionError('matches is not for conditions of grants');
      redirect(node, parameters.at(-1));
    }
    const depth = macros.has(name) ? nesting + 1 : nesting;
    if (depth > maxMacroNesting) throw new ConditionError('macros may nest two deep at most');
    for (const each of parameters) prepare(each, depth, patterns);
    return;
  }
  for (const each of childrenOf(node)) prepare(each, nesting, patterns);
}

function redirect(node: ASTNode, pattern: ASTNode | undefined): void {
  if (node.op !== 'rcall') throw new ConditionError('write text.matches("pattern")');
  const value = pattern?.op === 'value' ? pattern.args : undefined;
  if (typeof value !== 'string')
    throw new ConditionError('matches needs a pattern that is written out');
  if (value.length > maxPatternLength) throw new ConditionError('the pattern is too long');
  try {
    compiledPatterns.set(value, RE2JS.compile(value));
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : 'refused';
    throw new ConditionError(`the pattern is not accepted: ${reason}`, { cause });
  }
  node.args[0] = linearMatch;
}

function matchLinear(text: string, pattern: string): boolean {
  const compiled = compiledPatterns.get(pattern);
  if (compiled === undefined) throw new ConditionError('an unknown pattern');
  return compiled.test(text);
}

/** The operands of a node, whatever their number and nesting. */
function childrenOf(node: ASTNode): ASTNode[] {
  const operands: readonly unknown[] = [node.args];
  return operands.flat(3).filter(isNode);
}

function isNode(value: unknown): value is ASTNode {
  return typeof value === 'object' && value !== null && 'op' in value && 'args' in value;
}
