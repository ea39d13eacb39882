/** Why the record does not answer. Published codes: never renamed, never reused. */
export type AuditErrorCode = 'CALL_NOT_FOUND' | 'CURSOR_INVALID';

/** A question that the record cannot answer. */
export class AuditError extends Error {
  override readonly name = 'AuditError';
  constructor(
    readonly code: AuditErrorCode,
    options?: ErrorOptions,
  ) {
    super(code, options);
  }
}
