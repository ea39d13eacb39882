/** Why the page does not do what a request asks. Published codes: never renamed, never reused. */
export type PageRefusalCode =
  | 'APPROVALS_UNAVAILABLE'
  | 'BEARER_NOT_ACCEPTED'
  | 'CSRF_INVALID'
  | 'FORM_INVALID'
  | 'HOST_UNKNOWN'
  | 'IDENTITY_UNAVAILABLE'
  | 'ORIGIN_FOREIGN'
  | 'PAGE_NOT_FOUND'
  | 'PERSON_REFUSED'
  | 'SIGN_IN_INVALID'
  | 'SIGN_IN_REFUSED'
  | 'STREAMS_EXHAUSTED';

const statuses = {
  APPROVALS_UNAVAILABLE: 503,
  BEARER_NOT_ACCEPTED: 400,
  CSRF_INVALID: 403,
  FORM_INVALID: 400,
  HOST_UNKNOWN: 421,
  IDENTITY_UNAVAILABLE: 503,
  ORIGIN_FOREIGN: 403,
  PAGE_NOT_FOUND: 404,
  PERSON_REFUSED: 403,
  SIGN_IN_INVALID: 400,
  SIGN_IN_REFUSED: 403,
  STREAMS_EXHAUSTED: 429,
} as const satisfies Record<PageRefusalCode, number>;

/** A request that the page refuses; `detail` is for the reader, the cause for the log. */
export class PageRefusal extends Error {
  override readonly name = 'PageRefusal';
  constructor(
    readonly code: PageRefusalCode,
    readonly detail: string,
    options?: ErrorOptions,
  ) {
    super(`${code}: ${detail}`, options);
  }

  get status(): number {
    return statuses[this.code];
  }
}

/** Nobody is signed in. */
export class SignInNeeded extends Error {
  override readonly name = 'SignInNeeded';
}
