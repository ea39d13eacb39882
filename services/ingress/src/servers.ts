import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import {
  defaultDefinitions,
  type DefinitionSettings,
  type HttpServerConfig,
  type OAuthConfig,
  type ServerConfig,
  type StdioServerConfig,
} from '#runtime';

/** A configured upstream. */
export interface Server {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly config: ServerConfig;
  /** What becomes of definitions that nobody has accepted. */
  readonly definitions: DefinitionSettings;
}

/**
 * What it takes to reach a server cannot be had: a variable or file is missing, an authority gives no token.
 * The message never holds a value.
 */
export class CredentialError extends Error {
  override readonly name = 'CredentialError';
  readonly code = 'CREDENTIAL_UNAVAILABLE';
}

function serverOf(name: string, config: ServerConfig): Server {
  const { definitions = defaultDefinitions, labels } = config;
  return { name, labels, config, definitions };
}

type Environment = Readonly<Record<string, string | undefined>>;

/** What may stand in the value of a header (RFC 9110 §5.5). */
const headerValue = /^[\t\x20-\x7e\x80-\xff]*$/;

/** The upstream servers of the configuration, and the only place that ever holds their secrets. */
export class Servers {
  #servers: ReadonlyMap<string, Server> = new Map();
  readonly #files = new Map<string, { readonly changedMs: number; readonly value: string }>();

  constructor(
    configured: Readonly<Record<string, ServerConfig>>,
    private readonly environment: Environment,
  ) {
    this.replace(configured);
  }

  /** From now on these are the servers; one that is configured as before stays the very same. */
  replace(configured: Readonly<Record<string, ServerConfig>>): void {
    const before = this.#servers;
    this.#servers = new Map(
      Object.entries(configured).map(([name, config]) => {
        const known = before.get(name);
        const isSame = JSON.stringify(known?.config) === JSON.stringify(config);
        return [name, known !== undefined && isSame ? known : serverOf(name, config)];
      }),
    );
  }

  /** All of them, in the order of the configuration. */
  all(): readonly Server[] {
    return [...this.#servers.values()];
  }

  /** A server by its name, or undefined. */
  find(name: string): Server | undefined {
    return this.#servers.get(name);
  }

  /** What would keep servers from being called now, in words for whoever runs the gateway. */
  async faults(): Promise<readonly string[]> {
    const each = [...this.#servers.values()].map(async ({ name, config }) => {
      try {
        if ('url' in config) await this.#checkHttp(config);
        else this.childEnvironment(config);
        return [];
      } catch (error) {
        return [`${name}: ${error instanceof Error ? error.message : String(error)}`];
      }
    });
    return (await Promise.all(each)).flat();
  }

  /** The headers that the configuration gives every request, in small letters. @throws CredentialError */
  headers(config: HttpServerConfig): Readonly<Record<string, string>> {
    return Object.fromEntries(
      Object.entries(config.headers).map(([name, value]) => [
        name.toLowerCase(),
        checkedHeader(name, this.#expand(value)),
      ]),
    );
  }

  /** The header that authenticates us to an upstream; none where a token does. @throws CredentialError */
  async credential({ credential }: HttpServerConfig): Promise<Readonly<Record<string, string>>> {
    if (credential === undefined || 'oauth' in credential) return {};
    const { header } = credential;
    const value =
      credential.value === undefined
        ? await this.#fileValue(credential.valueFile ?? '')
        : this.#expand(credential.value);
    return { [header.toLowerCase()]: checkedHeader(header, value) };
  }

  /** What proves the gateway to an authority that gives tokens. @throws CredentialError */
  async clientSecret({ clientSecret, clientSecretFile }: OAuthConfig): Promise<string> {
    if (clientSecret !== undefined) return this.#expand(clientSecret);
    return this.#fileValue(clientSecretFile ?? '');
  }

  /**
   * PEM of the certificate authorities in a file, as they are now; undefined for the public ones.
   * @throws CredentialError
   */
  authorities(file: string | undefined): string | undefined {
    if (file === undefined) return undefined;
    try {
      const pem = readFileSync(file, 'utf8');
      // Throws for a text that holds none.
      void new X509Certificate(pem).raw;
      return pem;
    } catch (cause) {
      throw new CredentialError(`the file ${file} holds no certificates`, { cause });
    }
  }

  /** The whole environment of a child process. @throws CredentialError */
  childEnvironment(config: StdioServerConfig): Record<string, string> {
    const child: Record<string, string> = {};
    for (const name of ['PATH', 'HOME']) {
      const value = this.environment[name];
      if (value !== undefined) child[name] = value;
    }
    for (const [name, value] of Object.entries(config.env)) child[name] = this.#expand(value);
    return child;
  }

  async #checkHttp(config: HttpServerConfig): Promise<void> {
    const { caFile, credential } = config;
    this.headers(config);
    await this.credential(config);
    this.authorities(caFile);
    if (credential === undefined || !('oauth' in credential)) return;
    await this.clientSecret(credential.oauth);
    this.authorities(credential.oauth.caFile);
  }

  #expand(text: string): string {
    return text.replaceAll(/\$\{([A-Za-z_][A-Za-z0-9_]*)\}/g, (_, name: string) => {
      const value = this.environment[name];
      if (value === undefined || value === '') {
        throw new CredentialError(`the environment variable ${name} is not set`);
      }
      return value;
    });
  }

  /** Re-read when the file changes, so that a rotated credential needs no restart. */
  async #fileValue(file: string): Promise<string> {
    try {
      const { mtimeMs } = await stat(file);
      const known = this.#files.get(file);
      if (known?.changedMs === mtimeMs) return known.value;
      const value = (await readFile(file, 'utf8')).trim();
      this.#files.set(file, { changedMs: mtimeMs, value });
      return value;
    } catch (cause) {
      throw new CredentialError(`the credential file ${file} cannot be read`, { cause });
    }
  }
}

function checkedHeader(name: string, value: string): string {
  if (headerValue.test(value)) return value;
  throw new CredentialError(`the value for the header ${name} has characters that none may have`);
}
