import type { Command } from 'commander';
import { type ApprovalAnswer, approvalAnswer, approvalsAnswer } from './answers.js';
import { duration } from './duration.js';
import type { Gateway } from './gateway.js';
import { approvalTable, approvalText, line, type Write } from './printing.js';

/** What a command works with. */
export interface Commands {
  /** The gateway that the options name. */
  readonly gateway: () => Gateway;
  readonly write: Write;
  /** Whether JSON was asked for. */
  readonly isJson: () => boolean;
}

/** `approvals list | show | approve | deny | withdraw | justify`. */
export function addApprovals(program: Command, given: Commands): void {
  const approvals = program.command('approvals').description('what waits for a signature');
  addReading(approvals, given);
  addDeciding(approvals, given);
}

function addReading(approvals: Command, { gateway, isJson, write }: Commands): void {
  approvals
    .command('list')
    .description('those that you asked for or may sign, newest first')
    .option('--status <status>', 'pending, approved, used, … or several with commas', 'pending')
    .option('--all', 'in every status')
    .option('--server <name>', 'of one server')
    .option('--limit <n>', 'at most so many', '50')
    .action(async (options: { status: string; all?: true; server?: string; limit: string }) => {
      const query = new URLSearchParams({ limit: options.limit });
      if (options.all === undefined) query.set('status', options.status);
      if (options.server !== undefined) query.set('server', options.server);
      const page = await gateway().get(`/v1/approvals?${query.toString()}`, approvalsAnswer);
      if (isJson()) write(`${JSON.stringify(page, null, 2)}\n`);
      else if (page.approvals.length === 0) write('Nothing waits.\n');
      else write(`${approvalTable(page.approvals)}\n`);
    });
  approvals
    .command('show <id>')
    .description('everything that an approver has to know')
    .action(async (id: string) => {
      const approval = await gateway().get(pathOf(id), approvalAnswer);
      write(isJson() ? `${JSON.stringify(approval, null, 2)}\n` : `${approvalText(approval)}\n`);
    });
}

function addDeciding(approvals: Command, given: Commands): void {
  const act = async (id: string, what: string, body: object): Promise<void> => {
    const approval = await given.gateway().post(`${pathOf(id)}/${what}`, body, approvalAnswer);
    given.write(
      given.isJson() ? `${JSON.stringify(approval, null, 2)}\n` : `${outcomeOf(approval)}\n`,
    );
  };
  approvals
    .command('approve <id>')
    .description('sign, for this once or for a time')
    .option('--reason <text>', 'why', '')
    .option('--for <time>', 'grant a time instead, such as 30m, if the rule offers it', duration)
    .action(async (id: string, options: { reason: string; for?: number }) => {
      const grantSeconds = options.for === undefined ? {} : { grantSeconds: options.for };
      await act(id, 'decision', { decision: 'approve', reason: options.reason, ...grantSeconds });
    });
  approvals
    .command('deny <id>')
    .description('refuse')
    .requiredOption('--reason <text>', 'why; the requester reads it')
    .action(async (id: string, { reason }: { reason: string }) =>
      act(id, 'decision', { decision: 'refuse', reason }),
    );
  approvals
    .command('withdraw <id>')
    .description('take your own request back; administrators: revoke it')
    .action(async (id: string) => act(id, 'withdrawal', {}));
  approvals
    .command('justify <id>')
    .description('say why you ask')
    .requiredOption('--reason <text>', 'why')
    .action(async (id: string, { reason }: { reason: string }) =>
      act(id, 'justification', { justification: reason }),
    );
}

function outcomeOf({ id, sets, status }: ApprovalAnswer): string {
  const signed = sets.map((set) => `${set.signed}/${set.quorum}`).join(', ');
  if (status === 'pending') return `${id}: pending, signed ${signed}`;
  const isSigned = status === 'leased' || status === 'used';
  return `${id}: ${isSigned ? 'approved' : line(status)}`;
}

function pathOf(id: string): string {
  return `/v1/approvals/${encodeURIComponent(id)}`;
}
