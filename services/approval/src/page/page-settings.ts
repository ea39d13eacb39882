/** Where people sign in, and as which application. */
export interface PageSignInSettings {
  /** `https://login.microsoftonline.com`, or a sovereign cloud's. Always https. */
  readonly authority: string;
  /** Tenants whose people may sign in; with more than one, people choose. */
  readonly tenants: readonly string[];
  /** Client id of the application registration that has `{publicUrl}/approvals/callback` as a redirect address. */
  readonly clientId: string;
  /** Absent for a public client. */
  readonly clientSecret?: string | undefined;
  /** The gateway's scope for approvals in full: `api://countersign/approvals.decide`. */
  readonly scope: string;
  /** PEM of the certificate authorities to trust instead of the public ones. */
  readonly certificateAuthority?: string | undefined;
}

/** What the approval page needs besides the desk, the database and the token verifier. */
export interface PageSettings {
  /** The origin under which browsers reach the page: https, or http on this machine. */
  readonly publicUrl: string;
  readonly signIn: PageSignInSettings;
  /** 32 bytes, base64; the same on every replica. Seals tokens at rest and the state of a sign-in. */
  readonly sealKey: string;
  /** A session ends after so many seconds without a page asked for. Default 1800. */
  readonly idleSeconds?: number;
  /** A session ends so many seconds after the sign-in, whatever happens. Default 28 800. */
  readonly sessionSeconds?: number;
  /** Between two signs of life on a live stream, milliseconds. Default 10 000. */
  readonly beatMs?: number;
}
