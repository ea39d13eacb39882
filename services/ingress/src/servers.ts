import { readFile, stat } from 'node:fs/promises';
import type { HttpServerConfig, ServerConfig, StdioServerConfig } from '#runtime';

/** A configured upstream. */
export interface Server {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly config: ServerConfig;
}

/** A credential that cannot be had: a variable or file is missing. The message never holds a value. */
export class CredentialError extends Error {
  override readonly name = 'CredentialError';
  readonly code = 'CREDENTIAL_UNAVAILABLE';
}

type Environment = Readonly<Record<string, string | undefined>>;

/** The upstream servers of the configuration, and the only place that ever holds their credentials. */
export class Servers {
  readonly #servers: ReadonlyMap<string, Server>;
  readonly #files = new Map<string, { readonly changedMs: number; readonly value: string }>();

  constructor(
    configured: Readonly<Record<string, ServerConfig>>,
    private readonly environment: Environment,
  ) {
    this.#servers = new Map(
      Object.entries(configured).map(([name, config]) => [
        name,
        { name, labels: config.labels, config },
      ]),
    );
  }

  /** A server by its name, or undefined. */
  find(name: string): Server | undefined {
    return this.#servers.get(name);
  }

  /** What would keep servers from being called now, in words for whoever runs the gateway. */
  async faults(): Promise<readonly string[]> {
    const each = [...this.#servers.values()].map(async ({ name, config }) => {
      try {
        if ('url' in config) await this.credential(config);
        else this.childEnvironment(config);
        return [];
      } catch (error) {
        return [`${name}: ${error instanceof Error ? error.message : String(error)}`];
      }
    });
    return (await Promise.all(each)).flat();
  }

  /** The header that authenticates us to an upstream. @throws CredentialError */
  async credential(config: HttpServerConfig): Promise<Readonly<Record<string, string>>> {
    const { credential } = config;
    if (credential === undefined) return {};
    const value =
      credential.value === undefined
        ? await this.#fileValue(credential.valueFile ?? '')
        : this.#expand(credential.value);
    return { [credential.header.toLowerCase()]: value };
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
