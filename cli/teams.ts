import { writeFileSync } from 'node:fs';
import type { Command } from 'commander';
import { appPackage } from '../services/approval/src/teams/app-package.js';
import type { Write } from './printing.js';

interface PackageOptions {
  readonly appId: string;
  readonly home: string;
  readonly out: string;
  readonly appVersion: string;
}

/** `teams package`: the app that an administrator uploads to Teams. */
export function addTeams(program: Command, write: Write): void {
  program
    .command('teams')
    .description('approvals in Microsoft Teams')
    .command('package')
    .description('write the app package that an administrator uploads')
    .requiredOption('--app-id <id>', 'client id of the bot')
    .requiredOption('--home <origin>', 'https address of the gateway')
    .option('--out <file>', 'where to write it', 'countersign-teams.zip')
    .option('--app-version <version>', 'higher than that of the package before', '1.0.0')
    .action(({ appId, appVersion, home, out }: PackageOptions) => {
      writeFileSync(out, appPackage({ appId, publicUrl: home, version: appVersion }));
      write(`${out} written: upload it in the Teams admin center under Manage apps.\n`);
    });
}
