import { Command, CommanderError } from 'commander';
import { addApprovals, type Commands } from './approvals.js';
import { addClientConfig } from './client-config.js';
import { CommandFailed, Gateway } from './gateway.js';
import { addDelegations, addGrants, addRequest } from './grants.js';
import { line, type Write } from './printing.js';
import { addTeams } from './teams.js';
import { addTools } from './tools.js';

/** What the program is run with. */
export interface ProgramParts {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly write: Write;
  readonly writeError: Write;
}

interface GlobalOptions {
  readonly url: string;
  readonly tokenFile?: string;
  readonly json?: true;
}

/** Runs one command. The exit code: 0 done, 1 refused or out of reach, 2 not understood. */
export async function run(words: readonly string[], parts: ProgramParts): Promise<number> {
  const { environment, write, writeError } = parts;
  const program = new Command('countersign')
    .description('approvals, grants and accepted tools of a Countersign gateway')
    .option('--url <origin>', 'of the approval API (COUNTERSIGN_URL)', urlIn(environment))
    .option('--token-file <file>', 'holds the token (COUNTERSIGN_TOKEN)')
    .option('--json', 'print JSON')
    .exitOverride()
    .configureOutput({ writeOut: write, writeErr: writeError });
  const given: Commands = {
    write,
    isJson: () => program.opts<GlobalOptions>().json === true,
    gateway: () => {
      const { tokenFile, url } = program.opts<GlobalOptions>();
      return new Gateway({ url, tokenFile, token: environment['COUNTERSIGN_TOKEN'] });
    },
  };
  addApprovals(program, given);
  addRequest(program, given);
  addGrants(program, given);
  addDelegations(program, given);
  addTools(program, given);
  addTeams(program, write);
  const { isJson } = given;
  addClientConfig(program, {
    isJson,
    write,
    writeError,
    url: () => program.opts<GlobalOptions>().url,
  });
  return ended(program, words, writeError);
}

async function ended(program: Command, words: readonly string[], writeError: Write) {
  for (const command of [program, ...descendants(program)]) command.exitOverride();
  try {
    await program.parseAsync(words, { from: 'user' });
    return 0;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    const known = error instanceof CommandFailed || error instanceof TypeError;
    writeError(`${known ? line(error.message) : String(error)}\n`);
    return 1;
  }
}

function descendants(command: Command): Command[] {
  return command.commands.flatMap((each) => [each, ...descendants(each)]);
}

function urlIn(environment: ProgramParts['environment']): string {
  return environment['COUNTERSIGN_URL'] ?? 'http://localhost:8080';
}
