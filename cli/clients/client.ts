/** How a client gets a token: it signs somebody in, or is given one in a variable. */
export type Access =
  /** Whatever it can do by itself. */
  | { readonly kind: 'builtIn' }
  | { readonly kind: 'signIn'; readonly clientId: string; readonly callbackPort?: number }
  | { readonly kind: 'token'; readonly variable: string };

/** What a client was asked to do: no client but VS Code can get a token without being told how. */
export type ToldAccess = Exclude<Access, { kind: 'builtIn' }>;

/** What a client is to reach, and how. */
export interface Wish {
  /** Of the gateway. */
  readonly origin: string;
  readonly servers: readonly [string, ...string[]];
  /** All servers of the gateway at once, under the one name that stands in `servers`. */
  readonly isTogether: boolean;
  readonly access: Access;
}

/** A client's configuration, ready to paste; it never holds a secret. */
export interface ClientConfig {
  /** For programs; also what is printed, where there is no `text`. */
  readonly json: object;
  readonly text?: string;
  /** Where it belongs, and what else there is to do. */
  readonly notes: readonly string[];
  /** The same by command, or what is run afterwards. */
  readonly commands?: readonly string[];
}

/** A client cannot be configured like that. The message says what it needs. */
export class AccessMissing extends Error {
  override readonly name = 'AccessMissing';
}

/** For clients that take nothing but a token. */
export const standardVariable = 'COUNTERSIGN_TOKEN';

/** Where a sign-in ends; Entra does not look at the port of such an address. */
export const bridgeRedirect =
  'Redirect address of the registration: http://localhost/oauth/callback.';

/** @throws AccessMissing where nothing was said */
export function told(access: Access, client: string): ToldAccess {
  if (access.kind !== 'builtIn') return access;
  throw new AccessMissing(
    `${client} needs a client id that is registered in Entra (--client-id), or a token (--token-env NAME).`,
  );
}

/** Something for each server, by its name. */
export function eachServer<T>(wish: Wish, made: (url: string) => T): Record<string, T> {
  return Object.fromEntries(wish.servers.map((name) => [name, made(urlOf(wish, name))]));
}

/** Where a server is, as clients and Entra know it: without a slash at the end. */
export function urlOf({ isTogether, origin }: Wish, server: string): string {
  return isTogether ? `${origin}/mcp` : `${origin}/mcp/${server}`;
}

/** Whether tokens cross a network in clear. */
export function isExposed(origin: string): boolean {
  const { hostname, protocol } = new URL(origin);
  return protocol === 'http:' && !['localhost', '127.0.0.1', '[::1]'].includes(hostname);
}
