import { parseArgs } from 'node:util';
import { type StackName, stackNames } from './gateways.js';
import { type SuiteName, suiteNames } from './suites.js';

/** How to call the program. */
export const help = `npm run conformance -- [flags]
  --stack NAME     ${stackNames.join(', ')}; may be repeated
  --upstream NAME  v1, v2; may be repeated
  --suite NAME     ${suiteNames.join(', ')}; may be repeated
  --url URL        somebody else's MCP server in place of our own
  --only-held      only the runs in which a tool is held for a person
  --only-free      only those in which none is
`;

/** What the flags ask for. */
export interface Settings {
  readonly stacks: readonly StackName[];
  readonly suites: readonly SuiteName[];
  readonly upstreams: readonly string[];
  readonly url: string | undefined;
  /** Whether a tool is held: both, unless said. */
  readonly held: readonly boolean[];
}

/** Reads the flags; undefined when help is wanted or needed. */
export function settingsOf(words: readonly string[]): Settings | undefined {
  const { values } = parseArgs({
    args: [...words],
    options: {
      stack: { type: 'string', multiple: true },
      upstream: { type: 'string', multiple: true },
      suite: { type: 'string', multiple: true },
      url: { type: 'string' },
      'only-held': { type: 'boolean', default: false },
      'only-free': { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const stacks = chosen(stackNames, values.stack);
  const suites = chosen(suiteNames, values.suite);
  const upstreams = chosen(['v1', 'v2'], values.upstream);
  if (values.help || !stacks || !suites || !upstreams) return undefined;
  const held = [false, true].filter((each) => !values[each ? 'only-free' : 'only-held']);
  return { stacks, suites, upstreams, url: values.url, held };
}

/** Those that were named, or all; undefined when a name is unknown. */
function chosen<Name extends string>(
  all: readonly Name[],
  named: readonly string[] | undefined,
): readonly Name[] | undefined {
  if (named === undefined) return all;
  const found = all.filter((name) => named.includes(name));
  return found.length === new Set(named).size ? found : undefined;
}
