import { setTimeout as pause } from 'node:timers/promises';
import type { Command } from 'commander';
import {
  delegationAnswer,
  delegationsAnswer,
  type GrantAnswer,
  grantAnswer,
  grantsAnswer,
} from './answers.js';
import type { Commands } from './approvals.js';
import { count, duration } from './duration.js';
import { CommandFailed } from './gateway.js';
import { grantTable, line, table } from './printing.js';

const pollMs = 1000;

interface WishOptions {
  readonly server: string;
  readonly tools: string;
  readonly for: number;
  readonly reason: string;
  readonly when?: string;
  readonly calls?: number;
  readonly wait?: true;
}

/** `request`: a grant ahead of need. */
export function addRequest(program: Command, given: Commands): void {
  program
    .command('request')
    .description('ask for the right to call tools for a time, ahead of need')
    .requiredOption('--server <name>', 'of the gateway')
    .requiredOption('--tools <names>', 'tools, with commas between them')
    .requiredOption('--for <time>', 'how long, such as 30m', duration)
    .requiredOption('--reason <text>', 'why; the approvers read it')
    .option('--when <condition>', 'on the arguments, such as "call.arguments.amount <= 50.0"')
    .option('--calls <n>', 'at most so many calls', count)
    .option('--wait', 'until it is decided')
    .action(async (options: WishOptions) => {
      const body = {
        server: options.server,
        resources: options.tools.split(',').map((tool) => tool.trim()),
        when: options.when ?? null,
        calls: options.calls ?? null,
        seconds: options.for,
        justification: options.reason,
      };
      const asked = await given.gateway().post('/v1/grants', body, grantAnswer);
      say(options.wait === true ? await decided(asked, given) : await known(asked, given), given);
    });
}

/** `grants list | show | extend | revoke`. */
export function addGrants(program: Command, given: Commands): void {
  const grants = program.command('grants').description('rights that last for a time');
  grants
    .command('list')
    .description('yours, and those that you may end')
    .action(async () => {
      const all = await given.gateway().get('/v1/grants', grantsAnswer);
      if (given.isJson()) given.write(`${JSON.stringify(all, null, 2)}\n`);
      else if (all.grants.length === 0) given.write('There are none.\n');
      else given.write(`${grantTable(all.grants)}\n`);
    });
  grants
    .command('show <id>')
    .action(async (id: string) => say(await given.gateway().get(pathOf(id), grantAnswer), given));
  grants
    .command('extend <id>')
    .description('ask people anew for the same')
    .requiredOption('--for <time>', 'how long, from the signature on', duration)
    .requiredOption('--reason <text>', 'why')
    .action(async (id: string, options: { for: number; reason: string }) => {
      const body = { seconds: options.for, justification: options.reason };
      say(await given.gateway().post(`${pathOf(id)}/extension`, body, grantAnswer), given);
    });
  grants
    .command('revoke <id>')
    .description('end it at once')
    .option('--reason <text>', 'why', '')
    .action(async (id: string, { reason }: { reason: string }) =>
      say(await given.gateway().post(`${pathOf(id)}/revocation`, { reason }, grantAnswer), given),
    );
}

/** `delegations list | add | end`. */
export function addDelegations(program: Command, given: Commands): void {
  const delegations = program.command('delegations').description('who signs in whose place');
  delegations.command('list').action(async () => {
    const all = await given.gateway().get('/v1/delegations', delegationsAnswer);
    const rows = all.delegations.map((each) => [
      each.id,
      each.from.displayName ?? each.from.objectId,
      each.toId,
      each.endsAt,
    ]);
    const text = table(['ID', 'FOR', 'SIGNS', 'UNTIL'], rows);
    given.write(given.isJson() ? `${JSON.stringify(all, null, 2)}\n` : `${text}\n`);
  });
  delegations
    .command('add')
    .description('let somebody sign in your place')
    .requiredOption('--to <object id>', 'who')
    .requiredOption('--for <time>', 'how long, such as 14d', duration)
    .action(async (options: { to: string; for: number }) => {
      const endsAt = new Date(Date.now() + options.for * 1000).toISOString();
      const body = { to: options.to, endsAt };
      const made = await given.gateway().post('/v1/delegations', body, delegationAnswer);
      given.write(`${made.id}: until ${line(made.endsAt)}\n`);
    });
  delegations.command('end <id>').action(async (id: string) => {
    await given.gateway().remove(`/v1/delegations/${encodeURIComponent(id)}`);
    given.write(`${line(id)}: ended\n`);
  });
}

/** The grant once policy has said whether people are asked. */
async function known(grant: GrantAnswer, given: Commands): Promise<GrantAnswer> {
  return until(grant, given, ({ status }) => status !== 'asked');
}

async function decided(grant: GrantAnswer, given: Commands): Promise<GrantAnswer> {
  return until(grant, given, ({ status }) => status !== 'asked' && status !== 'pending');
}

async function until(
  grant: GrantAnswer,
  given: Commands,
  isThere: (grant: GrantAnswer) => boolean,
): Promise<GrantAnswer> {
  let latest = grant;
  while (!isThere(latest)) {
    await pause(pollMs);
    latest = await given.gateway().get(pathOf(grant.id), grantAnswer);
  }
  return latest;
}

/** @throws CommandFailed for a wish that was refused, so that a script stops */
function say(grant: GrantAnswer, { isJson, write }: Commands): void {
  write(isJson() ? `${JSON.stringify(grant, null, 2)}\n` : `${sentence(grant)}\n`);
  if (grant.status === 'refused') throw new CommandFailed(`Refused: ${line(grant.message)}`);
}

function sentence({ approvalId, grantedUntil, id, status }: GrantAnswer): string {
  const rest = {
    pending: `waits for a signature: approval ${approvalId ?? ''}`,
    live: `until ${grantedUntil ?? ''}`,
  };
  return `${id}: ${status} ${line(status === 'pending' || status === 'live' ? rest[status] : '')}`;
}

function pathOf(id: string): string {
  return `/v1/grants/${encodeURIComponent(id)}`;
}
