import { createHash, X509Certificate } from 'node:crypto';
import { type CryptoKey, decodeProtectedHeader, generateKeyPair, jwtVerify, SignJWT } from 'jose';
import { z } from 'zod';

/** How the bot may prove itself to the stand-in. */
export interface BotCredentials {
  readonly secret?: string | undefined;
  /** PEM of the certificate that was registered for the bot. */
  readonly certificate?: string | undefined;
  /** The one assertion of a federated credential that is taken. */
  readonly assertion?: string | undefined;
}

/** What is asked for at the token endpoint. */
const formSchema = z.object({
  grant_type: z.literal('client_credentials'),
  client_id: z.string(),
  scope: z.string(),
  client_secret: z.string().optional(),
  client_assertion_type: z.string().optional(),
  client_assertion: z.string().optional(),
});

/** An answer of the token endpoint. */
export interface TokenAnswer {
  readonly status: number;
  readonly body: object;
}

const audience = 'https://api.botframework.com';
const assertionType = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';

/** Tokens by which the bot speaks to the connector: issued for client credentials, checked on every call. */
export class BotTokens {
  #issued = 0;

  private constructor(
    private readonly bot: { readonly appId: string; readonly tenant: string },
    private readonly credentials: BotCredentials,
    private readonly lifeSeconds: number,
    private readonly keys: { readonly privateKey: CryptoKey; readonly publicKey: CryptoKey },
  ) {}

  static async create(
    bot: { readonly appId: string; readonly tenant: string },
    credentials: BotCredentials,
    lifeSeconds: number,
  ): Promise<BotTokens> {
    return new BotTokens(bot, credentials, lifeSeconds, await generateKeyPair('RS256'));
  }

  /** How many were given out. */
  issued(): number {
    return this.#issued;
  }

  /** `tokenUrl` is the audience that a signed assertion must have. */
  async answer(tenant: string, form: unknown, tokenUrl: string): Promise<TokenAnswer> {
    const parsed = formSchema.safeParse(form);
    if (!parsed.success) return refused(400, 'invalid_request');
    const { client_id: client, scope } = parsed.data;
    if (tenant !== this.bot.tenant) return refused(400, 'invalid_request');
    if (client !== this.bot.appId) return refused(400, 'unauthorized_client');
    if (scope !== `${audience}/.default`) return refused(400, 'invalid_scope');
    if (!(await this.#proves(parsed.data, tokenUrl))) return refused(401, 'invalid_client');
    this.#issued += 1;
    const access_token = await new SignJWT({ appid: client, tid: tenant, n: this.#issued })
      .setProtectedHeader({ alg: 'RS256', typ: 'JWT' })
      .setIssuer(`https://sts.windows.net/${tenant}/`)
      .setAudience(audience)
      .setExpirationTime(Math.floor(Date.now() / 1000) + this.lifeSeconds)
      .sign(this.keys.privateKey);
    const body = { token_type: 'Bearer', expires_in: this.lifeSeconds, access_token };
    return { status: 200, body };
  }

  /** True for a token that was issued here and has not ended. */
  async accepts(authorization: string | undefined): Promise<boolean> {
    const token = /^Bearer (\S+)$/.exec(authorization ?? '')?.[1] ?? '';
    return jwtVerify(token, this.keys.publicKey, { algorithms: ['RS256'], audience }).then(
      () => true,
      () => false,
    );
  }

  async #proves(form: z.infer<typeof formSchema>, tokenUrl: string): Promise<boolean> {
    const { certificate, assertion, secret } = this.credentials;
    if (form.client_secret !== undefined) return form.client_secret === secret;
    if (form.client_assertion_type !== assertionType) return false;
    const shown = form.client_assertion ?? '';
    if (assertion !== undefined && shown === assertion) return true;
    return certificate !== undefined && (await this.#isSigned(shown, certificate, tokenUrl));
  }

  async #isSigned(assertion: string, certificate: string, tokenUrl: string): Promise<boolean> {
    try {
      const { raw, publicKey } = new X509Certificate(certificate);
      const print = createHash('sha256').update(raw).digest('base64url');
      if (decodeProtectedHeader(assertion)['x5t#S256'] !== print) return false;
      const { appId } = this.bot;
      await jwtVerify(assertion, publicKey, {
        algorithms: ['PS256'],
        audience: tokenUrl,
        issuer: appId,
        subject: appId,
        requiredClaims: ['exp', 'nbf', 'jti'],
      });
      return true;
    } catch {
      return false;
    }
  }
}

function refused(status: number, error: string): TokenAnswer {
  return { status, body: { error, error_description: 'said by the stand-in' } };
}
