#!/usr/bin/env node
// `npx countersign`: the built command line; see cli/.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const built = join(import.meta.dirname, '../dist/cli/main.js');
if (existsSync(built)) await import(pathToFileURL(built).href);
else {
  process.stderr.write('The command line is not built yet. Run: npm run build\n');
  process.exitCode = 1;
}
