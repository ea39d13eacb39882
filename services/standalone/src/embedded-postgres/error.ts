/** Why the embedded Postgres cannot run. */
export type EmbeddedPostgresErrorCode =
  | 'PLATFORM_UNKNOWN'
  | 'BINARIES_MISSING'
  | 'BINARIES_UNUSABLE'
  | 'DATA_FOLDER_CLOSED'
  | 'DATA_FOLDER_IN_USE'
  | 'NO_ORDINARY_USER'
  | 'CLUSTER_NOT_CREATED'
  | 'NOT_STARTED'
  | 'LEFTOVER_NOT_STOPPED';

/** The embedded Postgres cannot run; the message says what to do about it. */
export class EmbeddedPostgresError extends Error {
  override readonly name = 'EmbeddedPostgresError';
  constructor(
    readonly code: EmbeddedPostgresErrorCode,
    advice: string,
    options?: ErrorOptions,
  ) {
    super(`${code}: ${advice}`, options);
  }
}
