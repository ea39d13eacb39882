import { createPrivateKey, randomUUID, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { SignJWT } from 'jose';
import { Agent, fetch as fetchThrough } from 'undici';
import { z } from 'zod';

/** What an application proves itself with. */
export type AppCredential =
  | { readonly kind: 'secret'; readonly secret: string }
  /** PEM both; the key is RSA. */
  | { readonly kind: 'certificate'; readonly certificate: string; readonly privateKey: string }
  /** A federated credential: a file that somebody else keeps fresh, read anew each time. */
  | { readonly kind: 'assertion'; readonly file: string };

/** Whose token is wanted, and for what. */
export interface AppTokenSettings {
  /** `https://login.microsoftonline.com`, or a sovereign cloud's. */
  readonly loginUrl: string;
  readonly tenant: string;
  readonly clientId: string;
  /** `https://graph.microsoft.com/.default`. */
  readonly scope: string;
  readonly credential: AppCredential;
  /** PEM of the certificate authorities to trust instead of the public ones. */
  readonly certificateAuthority?: string | undefined;
  /** Longest time for one try, milliseconds. Default 2500. */
  readonly timeoutMs?: number;
}

/** No token was to be had. The message holds the status and the authority's error code, never a secret. */
export class AppTokenError extends Error {
  override readonly name = 'AppTokenError';
}

/** A token is not used any more when it ends sooner than this, milliseconds. */
const marginMs = 5 * 60_000;
const assertionSeconds = 5 * 60;

const grantedSchema = z.object({
  token_type: z.string().regex(/^bearer$/i),
  access_token: z.string().min(1),
  expires_in: z.coerce.number().positive(),
});
const refusedSchema = z.object({ error: z.string().regex(/^\w{1,60}$/) });

/** An application's own access token (OAuth 2.0 client credentials, RFC 6749 §4.4), kept until it is about to end. */
export class AppToken {
  readonly #tokenUrl: string;
  readonly #dispatcher: Agent;
  #kept: { readonly token: string; readonly untilMs: number } | undefined;
  #asking: Promise<string> | undefined;

  constructor(private readonly settings: AppTokenSettings) {
    this.#tokenUrl = `${settings.loginUrl}/${settings.tenant}/oauth2/v2.0/token`;
    const ca = settings.certificateAuthority;
    this.#dispatcher = new Agent(ca === undefined ? {} : { connect: { ca } });
  }

  /** The token; callers at the same time share one request. @throws AppTokenError */
  async get(): Promise<string> {
    if (this.#kept !== undefined && Date.now() < this.#kept.untilMs) return this.#kept.token;
    this.#asking ??= this.#ask().finally(() => (this.#asking = undefined));
    return this.#asking;
  }

  /** Forgets a token that was refused where it was shown. */
  forget(token: string): void {
    if (this.#kept?.token === token) this.#kept = undefined;
  }

  async #ask(): Promise<string> {
    const answer = await this.#request().catch((cause: unknown) => {
      if (cause instanceof AppTokenError) throw cause;
      throw new AppTokenError('the token endpoint cannot be reached', { cause });
    });
    const untilMs = Date.now() + answer.expires_in * 1000 - marginMs;
    this.#kept = { token: answer.access_token, untilMs };
    return answer.access_token;
  }

  async #request(): Promise<z.infer<typeof grantedSchema>> {
    const proof = await proofOf(this.settings, this.#tokenUrl);
    const body = new URLSearchParams({
      grant_type: 'client_credentials',
      client_id: this.settings.clientId,
      scope: this.settings.scope,
      ...proof,
    });
    const response = await fetchThrough(this.#tokenUrl, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: body.toString(),
      redirect: 'error',
      signal: AbortSignal.timeout(this.settings.timeoutMs ?? 2500),
      dispatcher: this.#dispatcher,
    });
    const answer: unknown = await response.json().catch(() => undefined);
    const granted = grantedSchema.safeParse(answer);
    if (response.ok && granted.success) return granted.data;
    const word = refusedSchema.safeParse(answer).data?.error ?? 'no usable answer';
    throw new AppTokenError(`the token endpoint said ${response.status}: ${word}`);
  }
}

async function proofOf(
  settings: AppTokenSettings,
  tokenUrl: string,
): Promise<Record<string, string>> {
  const { clientId, credential } = settings;
  if (credential.kind === 'secret') return { client_secret: credential.secret };
  const assertion =
    credential.kind === 'certificate'
      ? await signedAssertion(credential, clientId, tokenUrl)
      : await readAssertion(credential.file);
  return {
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    client_assertion: assertion,
  };
}

async function readAssertion(file: string): Promise<string> {
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw new AppTokenError(`the assertion file ${file} cannot be read`, { cause });
  });
  return text.trim();
}

/** `private_key_jwt` as Entra wants it: PS256, the certificate named by its SHA-256 (RFC 7523, RFC 7515 §4.1.8). */
async function signedAssertion(
  credential: AppCredential & { readonly kind: 'certificate' },
  clientId: string,
  audience: string,
): Promise<string> {
  const print = new X509Certificate(credential.certificate).fingerprint256.replaceAll(':', '');
  const now = Math.floor(Date.now() / 1000);
  return new SignJWT({ jti: randomUUID() })
    .setProtectedHeader({
      alg: 'PS256',
      typ: 'JWT',
      'x5t#S256': Buffer.from(print, 'hex').toString('base64url'),
    })
    .setAudience(audience)
    .setIssuer(clientId)
    .setSubject(clientId)
    .setNotBefore(now)
    .setIssuedAt(now)
    .setExpirationTime(now + assertionSeconds)
    .sign(createPrivateKey(credential.privateKey));
}
