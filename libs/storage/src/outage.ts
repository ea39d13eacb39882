import { QueryFailedError } from 'typeorm';

/** Classes of SQLSTATE that mean "not now": connection, resources, operator intervention. */
const outageClasses = new Set(['08', '53', '57']);

/** Single SQLSTATEs that mean "not now": read-only server, serialization, deadlock, lock timeout. */
const outageStates = new Set(['25006', '40001', '40P01', '55P03']);

const socketCodes = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EPIPE',
  'ETIMEDOUT',
]);

/** pg gives these no code, so their words are all there is to tell them by. */
const uncoded = [
  'Connection terminated',
  'timeout exceeded when trying to connect',
  'not queryable',
  'Query read timeout',
  'Cannot use a pool after calling end',
  'Client was closed',
  'database said nothing',
];

/**
 * True where the database cannot be used now (gone, starting, frozen, overloaded, read-only) and the
 * same work may succeed later unchanged; false where the work itself is wrong.
 */
export function isOutage(error: unknown): boolean {
  if (error instanceof QueryFailedError) return isOutage(error.driverError);
  if (error instanceof AggregateError) return error.errors.some((each) => isOutage(each));
  if (!(error instanceof Error)) return false;
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  if (socketCodes.has(code) || outageStates.has(code)) return true;
  if (code.length === 5) return outageClasses.has(code.slice(0, 2));
  return uncoded.some((words) => error.message.includes(words));
}
