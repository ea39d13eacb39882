import { inspect } from 'node:util';
import { type RunningService, stopOnSignals } from './service.js';

/** Codes of mistakes that whoever starts the service can mend; their message says all. */
const mistakes = new Set(['CONFIG_INVALID', 'BUNDLE_INVALID']);

/**
 * Runs a service as this process: says `ready <url>` once it answers, stops it on signals. When it
 * cannot start, says why on stderr and ends with code 1.
 */
export async function runService(start: () => Promise<RunningService>): Promise<void> {
  try {
    const service = await start();
    stopOnSignals(service);
    process.stdout.write(`ready ${service.url}\n`);
  } catch (error) {
    process.stderr.write(`${explanationOf(error)}\n`);
    process.exit(1);
  }
}

/** What is wrong and what to do about it; for what nobody foresaw, the error with its stack. */
export function explanationOf(error: unknown): string {
  if (!(error instanceof Error) || !('code' in error)) return inspect(error);
  if (error.code === 'EADDRINUSE') {
    return `${error.message}\nSomething listens there already: stop it, or set COUNTERSIGN_PORT.`;
  }
  return mistakes.has(String(error.code)) ? error.message : inspect(error);
}
