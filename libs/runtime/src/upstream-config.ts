import { resolve } from 'node:path';
import { z } from 'zod';
import { safeUrl } from './safe-url.js';

/** Which addresses a host may have: loopback and private ones, public ones, or any of them. */
export const networkSchema = z.enum(['any', 'private', 'public']);

/** About one connection alone, written by the gateway itself, or of the protocol. */
const ownHeader =
  /^(host|connection|keep-alive|proxy-.*|te|trailer|transfer-encoding|upgrade|expect|accept|accept-encoding|last-event-id|content-.*|mcp-.*)$/i;
const token = /^[\w!#$%&'*+.^`|~-]+$/;

const headerName = z
  .string()
  .regex(token, 'is no name of a header')
  .refine((name) => !ownHeader.test(name), 'is written by the gateway');

/** Headers that every request to a server gets; values may name environment variables. */
export const headersSchema = z
  .record(z.string(), z.string().regex(/^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/, 'is no value'))
  .superRefine((headers, context) => {
    const seen = new Set<string>();
    for (const name of Object.keys(headers)) {
      const [fault] = headerName.safeParse(name).error?.issues ?? [];
      const message = seen.has(name.toLowerCase()) ? 'stands there twice' : fault?.message;
      if (message !== undefined) context.addIssue({ code: 'custom', path: [name], message });
      seen.add(name.toLowerCase());
    }
  });

const headerCredentialSchema = z
  .strictObject({
    header: headerName.default('Authorization'),
    /** May name environment variables: `Bearer ${ORDERS_TOKEN}`. */
    value: z.string().min(1).optional(),
    /** A file that holds the whole value; read again when it changes. */
    valueFile: z.string().min(1).optional(),
  })
  .refine((each) => (each.value === undefined) !== (each.valueFile === undefined), {
    message: 'give value, valueFile or oauth, and one of them only',
  });

/** Written from keys of their own. */
const ownParameter = /^(grant_type|client_(id|secret|assertion.*)|scope|audience|resource)$/;

const oauthSchema = z
  .strictObject({
    tokenUrl: safeUrl,
    clientId: z.string().min(1),
    /** The variable that holds the secret. */
    clientSecret: z
      .string()
      .regex(/^\$\{[A-Za-z_][A-Za-z0-9_]*\}$/, 'write ${NAME} of a variable')
      .optional(),
    /** The file that holds the secret; read again when it changes. */
    clientSecretFile: z.string().min(1).optional(),
    /** How the secret is shown: in the form, or in a header (RFC 6749 §2.3.1). */
    clientAuthentication: z.enum(['post', 'basic']).default('post'),
    scope: z.string().min(1).optional(),
    audience: z.string().min(1).optional(),
    /** The server that the token is meant for (RFC 8707). */
    resource: z.string().min(1).optional(),
    /** What else the authority wants to be told. */
    parameters: z.record(z.string().min(1), z.string()).default({}),
    /** Of the token endpoint. */
    network: networkSchema.default('any'),
    /** PEM file of the certificate authorities to trust for the token endpoint, in place of the public ones. */
    caFile: z.string().min(1).optional(),
  })
  .refine((each) => (each.clientSecret === undefined) !== (each.clientSecretFile === undefined), {
    message: 'give either clientSecret or clientSecretFile',
  })
  .refine(({ parameters }) => !Object.keys(parameters).some((name) => ownParameter.test(name)), {
    message: 'parameters: one of them has a key of its own',
  });

const oauthCredentialSchema = z.strictObject({ oauth: oauthSchema });

/** What proves the gateway to an upstream: a header as it stands, or a token that it asks an authority for. */
export const credentialSchema = byKey('oauth', oauthCredentialSchema, headerCredentialSchema);

type CredentialConfig = z.infer<typeof credentialSchema>;
/** How a token for an upstream is asked for (OAuth 2.0 client credentials, RFC 6749 §4.4). */
export type OAuthConfig = z.infer<typeof oauthSchema>;

/** The header that a credential fills, in small letters. */
export function headerOf(credential: CredentialConfig): string {
  return 'oauth' in credential ? 'authorization' : credential.header.toLowerCase();
}

/** The same credential with its files made absolute. */
export function credentialIn(folder: string, credential: CredentialConfig): CredentialConfig {
  if (!('oauth' in credential)) {
    return { ...credential, valueFile: fileIn(folder, credential.valueFile) };
  }
  const { caFile, clientSecretFile } = credential.oauth;
  const files = {
    caFile: fileIn(folder, caFile),
    clientSecretFile: fileIn(folder, clientSecretFile),
  };
  return { oauth: { ...credential.oauth, ...files } };
}

/** The absolute path of a file named beside `folder`; undefined for none. */
export function fileIn(folder: string, file: string | undefined): string | undefined {
  return file === undefined ? undefined : resolve(folder, file);
}

/** A schema of two shapes, told apart by a key of the first: mistakes are those of the shape that was meant. */
export function byKey<First extends z.ZodType, Second extends z.ZodType>(
  key: string,
  first: First,
  second: Second,
) {
  return z.looseObject({}).transform((given, context): z.output<First> | z.output<Second> => {
    const parsed = key in given ? first.safeParse(given) : second.safeParse(given);
    if (parsed.success) return parsed.data;
    for (const { message, path } of parsed.error.issues) {
      context.addIssue({ code: 'custom', path, message });
    }
    return z.NEVER;
  });
}
