/** Why a value could not be masked. Codes are stable. */
export type MaskingErrorCode =
  | 'MASK_TOO_DEEP'
  | 'MASK_TOO_LARGE'
  | 'MASK_TOO_COSTLY'
  | 'MASK_FIELD_PATH_INVALID'
  | 'MASK_NOT_JSON'
  | 'MASK_PROFILE_INVALID'
  | 'MASK_FAILED';

/** Masking did not finish; whoever catches it must withhold the value. Its message never carries a masked value. */
export class MaskingError extends Error {
  override readonly name = 'MaskingError';

  constructor(
    readonly code: MaskingErrorCode,
    detail?: string,
    options?: ErrorOptions,
  ) {
    super(detail === undefined ? code : `${code}: ${detail}`, options);
  }
}
