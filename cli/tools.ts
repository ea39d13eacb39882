import type { Command } from 'commander';
import { visibleLine } from '../services/approval/src/visible-text.js';
import {
  type DefinitionAnswer,
  definitionAnswer,
  definitionsAnswer,
  definitionTextAnswer,
} from './answers.js';
import type { Commands } from './approvals.js';
import { difference, linesOf } from './difference.js';
import { CommandFailed } from './gateway.js';
import { line, table } from './printing.js';

interface ListOptions {
  readonly server?: string;
  readonly held?: true;
}

interface PlaceOptions {
  readonly kind: string;
}

interface AcceptOptions extends PlaceOptions {
  readonly digest?: string;
  readonly all?: true;
}

interface Place {
  readonly server: string;
  readonly kind: string;
  readonly name: string;
}

/** Nothing of a definition is cut: what is not shown could be what was changed. */
const longestLine = 100_000;

/** `tools list | show | accept`. */
export function addTools(program: Command, given: Commands): void {
  const tools = program
    .command('tools')
    .description('what servers say of their tools and prompts, and what of it is accepted');
  tools
    .command('list')
    .option('--server <name>', 'of this server only')
    .option('--held', 'only those that wait for somebody to accept them')
    .action(async (options: ListOptions) => {
      const found = await all(options, given);
      if (given.isJson()) given.write(`${JSON.stringify({ definitions: found }, null, 2)}\n`);
      else given.write(found.length === 0 ? 'There are none.\n' : `${listOf(found)}\n`);
    });
  tools
    .command('show <server> [name]')
    .description('what changed since it was accepted, line by line')
    .option('--kind <kind>', 'tool, prompt or instructions (these have no name)', 'tool')
    .action(async (server: string, name: string | undefined, { kind }: PlaceOptions) => {
      const place = { server, kind, name: name ?? '' };
      const found = await given.gateway().get(pathOf(place), definitionTextAnswer);
      given.write(given.isJson() ? `${JSON.stringify(found, null, 2)}\n` : `${textOf(found)}\n`);
    });
  tools
    .command('accept <server> [name]')
    .description('let it be used as it is now')
    .option('--kind <kind>', 'tool, prompt or instructions (these have no name)', 'tool')
    .option('--digest <digest>', 'only if it is still the one that you looked at')
    .option('--all', 'all that wait of this server, each as it is now')
    .action(async (server: string, name: string | undefined, options: AcceptOptions) => {
      if (options.all === true) await acceptAll({ server, name, options }, given);
      else await acceptOne({ server, kind: options.kind, name: name ?? '' }, options, given);
    });
}

async function acceptOne(place: Place, { digest }: AcceptOptions, given: Commands): Promise<void> {
  const looked = digest ?? (await given.gateway().get(pathOf(place), definitionAnswer)).latest;
  await accept(place, looked, given);
}

/** What was seen after the list was read is not accepted with it: its digest is another. */
async function acceptAll(
  { name, options, server }: { server: string; name: string | undefined; options: AcceptOptions },
  given: Commands,
): Promise<void> {
  if (name !== undefined || options.digest !== undefined) {
    throw new CommandFailed('Name one, or say --all.');
  }
  const held = await all({ server, held: true }, given);
  if (held.length === 0) given.write('Nothing waits.\n');
  const refusals: string[] = [];
  for (const each of held) {
    try {
      await accept(each, each.latest, given);
    } catch (error) {
      if (!(error instanceof CommandFailed)) throw error;
      refusals.push(`${nameOf(each)}: ${error.message}`);
    }
  }
  if (refusals.length > 0) throw new CommandFailed(refusals.join(' '));
}

async function accept({ kind, name, server }: Place, digest: string, given: Commands) {
  const body = { server, kind, name, digest };
  const accepted = await given.gateway().post('/v1/definitions/accept', body, definitionAnswer);
  const words = `${nameOf(accepted)}: accepted ${accepted.latest}`;
  given.write(`${given.isJson() ? JSON.stringify(accepted, null, 2) : line(words)}\n`);
}

async function all({ held, server }: ListOptions, given: Commands): Promise<DefinitionAnswer[]> {
  const found: DefinitionAnswer[] = [];
  let next: string | null = '';
  while (next !== null) {
    const query = new URLSearchParams({
      limit: '200',
      ...(held === true ? { state: 'held' } : {}),
      ...(server === undefined ? {} : { server }),
      ...(next === '' ? {} : { cursor: next }),
    });
    const page: { definitions: DefinitionAnswer[]; next: string | null } = await given
      .gateway()
      .get(`/v1/definitions?${query.toString()}`, definitionsAnswer);
    found.push(...page.definitions);
    next = page.next;
  }
  return found;
}

function listOf(found: readonly DefinitionAnswer[]): string {
  const rows = found.map((each) => [
    each.server,
    each.kind,
    each.name,
    each.state,
    each.changedAt,
    each.latest.slice(0, 16),
  ]);
  return table(['SERVER', 'KIND', 'NAME', 'STATE', 'SINCE', 'DIGEST'], rows);
}

function textOf(found: ReturnType<typeof definitionTextAnswer.parse>): string {
  const by =
    found.acceptedBy?.displayName ?? found.acceptedBy?.objectId ?? 'nobody, at first sight';
  const accepted = found.acceptedAt === null ? 'never' : `${found.acceptedAt} by ${by}`;
  const facts = [
    ['What', `${nameOf(found)} (${found.kind})`],
    ['State', found.state],
    ['Accepted', accepted],
    ['Since', found.changedAt],
    ['Digest', found.latest],
  ] as const;
  return [
    ...facts.map(([name, text]) => `${name.padEnd(10)} ${line(text)}`),
    '',
    ...changesOf(found),
  ].join('\n');
}

function changesOf(found: ReturnType<typeof definitionTextAnswer.parse>): string[] {
  const { acceptedDefinition, latestDefinition, state } = found;
  const latest = linesOf(latestDefinition);
  if (state === 'accepted') return latest.map((text) => `  ${visibleLine(text, longestLine)}`);
  const changes = difference(linesOf(acceptedDefinition), latest);
  if (changes.length === 0) return ['What differs is masked, or too long to be shown.'];
  return changes.map(({ mark, text }) => `${mark} ${visibleLine(text, longestLine)}`);
}

function nameOf({ kind, name, server }: Place): string {
  return kind === 'instructions' ? `${server} (instructions)` : `${server}/${name}`;
}

function pathOf({ kind, name, server }: Place): string {
  const parts = [server, kind, ...(name === '' ? [] : [name])];
  return `/v1/definitions/${parts.map((part) => encodeURIComponent(part)).join('/')}`;
}
