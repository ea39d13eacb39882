import { missingBroker } from './broker.js';

/**
 * Says plainly when the tests that need a Kafka cannot run here; with `COUNTERSIGN_REQUIRE_BROKER`, as
 * in CI, that is an error instead.
 */
export async function setup(): Promise<() => void> {
  const missing = await missingBroker();
  if (missing === undefined) return () => undefined;
  if (process.env['COUNTERSIGN_REQUIRE_BROKER'] !== undefined) throw new Error(missing);
  process.env['COUNTERSIGN_WITHOUT_BROKER'] = '1';
  const notice = `\n${missing}\nThe tests against a real broker were not run; all others were.\n`;
  process.stderr.write(notice);
  return () => void process.stderr.write(notice);
}

/** True in a run that has no Kafka and does not demand one. */
export function isWithoutBroker(): boolean {
  return process.env['COUNTERSIGN_WITHOUT_BROKER'] !== undefined;
}
