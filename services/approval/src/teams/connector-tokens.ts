import { decodeJwt, decodeProtectedHeader, jwtVerify } from 'jose';
import { z } from 'zod';
import { visibleLine } from '../visible-text.js';
import type { ConnectorKeys } from './connector-keys.js';
import { TeamsRefusal } from './teams-refusal.js';

/** What a verified token of the Bot Connector says. */
export interface ConnectorToken {
  /** Where answers go; the activity must name the same. */
  readonly serviceUrl: string;
  /** Channels that the signing key may speak for. */
  readonly endorsements: readonly string[];
}

/** Whose tokens are taken, and for whom they must be. */
export interface ConnectorTokenSettings {
  readonly issuer: string;
  readonly appId: string;
}

/** What is needed of a request to find its token. */
export interface TokenHolder {
  /** Names and values in turn, as received: Node keeps only the first of several otherwise. */
  readonly rawHeaders: readonly string[];
}

const clockToleranceSeconds = 5 * 60;
const maxTokenLength = 16_000;
const claimsSchema = z.object({ serviceurl: z.string().min(1) });

/**
 * Tokens that the Bot Connector sends with activities, checked as it documents: issuer, audience, time, RS256 by a
 * published key. Entra's own tokens are none of these, whatever their audience. There is no switch to turn this off.
 */
export class ConnectorTokens {
  constructor(
    private readonly settings: ConnectorTokenSettings,
    private readonly keys: ConnectorKeys,
  ) {}

  /** @throws TeamsRefusal `TOKEN_REFUSED` with the unverified `iss`, `aud` and `kid`; `KEYS_UNAVAILABLE` */
  async verify(holder: TokenHolder): Promise<ConnectorToken> {
    const token = bearerToken(holder);
    try {
      return await this.#verify(token);
    } catch (cause) {
      // Keys that cannot be had are our trouble, not the token's fault; whose token it was is told all the same.
      const code = cause instanceof TeamsRefusal ? cause.code : 'TOKEN_REFUSED';
      const reason = visibleLine(cause instanceof Error ? cause.message : String(cause), 200);
      throw new TeamsRefusal(code, `${reason}; ${claimedBy(token)}`, { cause });
    }
  }

  async #verify(token: string): Promise<ConnectorToken> {
    const { kid, alg } = decodeProtectedHeader(token);
    if (alg !== 'RS256') throw new Error('the algorithm is not RS256');
    if (kid === undefined) throw new Error('the token names no key');
    const key = await this.keys.find(kid);
    if (key === undefined) throw new Error('no such key is published');
    const { payload } = await jwtVerify(token, key.key, {
      algorithms: ['RS256'],
      issuer: this.settings.issuer,
      audience: this.settings.appId,
      clockTolerance: clockToleranceSeconds,
      requiredClaims: ['iss', 'aud', 'exp', 'serviceurl'],
    });
    // A token for several audiences is in the hands of others too.
    if (Array.isArray(payload.aud)) throw new Error('the token is for several audiences');
    const { serviceurl } = claimsSchema.parse(payload);
    return { serviceUrl: serviceurl, endorsements: key.endorsements };
  }
}

function bearerToken({ rawHeaders }: TokenHolder): string {
  const values = rawHeaders.filter(
    (_, index) => index % 2 === 1 && rawHeaders[index - 1]?.toLowerCase() === 'authorization',
  );
  if (values.length !== 1) {
    throw new TeamsRefusal('TOKEN_REFUSED', `${values.length} Authorization headers`);
  }
  const [, token] = /^Bearer ([\w-]+\.[\w-]+\.[\w-]*)$/i.exec(values[0] ?? '') ?? [];
  if (token === undefined || token.length > maxTokenLength) {
    throw new TeamsRefusal('TOKEN_REFUSED', 'the Authorization header holds no usable token');
  }
  return token;
}

/** What an unverified token claims, so that a pilot with real tokens shows at once which kind comes. */
function claimedBy(token: string): string {
  try {
    const { kid } = decodeProtectedHeader(token);
    const { iss, aud } = decodeJwt(token);
    const claims = { iss, aud, kid };
    return `unverified: ${visibleLine(JSON.stringify(claims), 400)}`;
  } catch {
    return 'unverified: not a JWT';
  }
}
