/** Why something that claims to come from Teams is not listened to. Published codes: never renamed, never reused. */
export type TeamsRefusalCode =
  | 'TOKEN_REFUSED'
  | 'KEYS_UNAVAILABLE'
  | 'ACTIVITY_REFUSED'
  | 'SERVICE_URL_REFUSED'
  | 'TENANT_REFUSED'
  | 'BODY_UNREADABLE'
  | 'BODY_TOO_LARGE';

/** A request to the messages endpoint that is refused before it means anything. */
export class TeamsRefusal extends Error {
  override readonly name = 'TeamsRefusal';
  constructor(
    readonly code: TeamsRefusalCode,
    /** For the record: what was wrong, with what was claimed. Never a token, never trusted. */
    readonly detail: string,
    options?: ErrorOptions,
  ) {
    super(`${code}: ${detail}`, options);
  }
}
