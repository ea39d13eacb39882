import { readFileSync } from 'node:fs';
import { request } from 'undici';
import { z } from 'zod';

/** What went wrong, in words for whoever typed the command. */
export class CommandFailed extends Error {
  override readonly name = 'CommandFailed';
}

/** Where the gateway is and who asks. */
export interface GatewaySettings {
  /** Origin of the approval API; with standalone, of the gateway. */
  readonly url: string;
  /** A bearer token, or the file that holds it. */
  readonly token?: string | undefined;
  readonly tokenFile?: string | undefined;
}

const problemSchema = z.object({ code: z.string(), detail: z.string() });
const timeoutMs = 15_000;

/** The REST API, for one person or program. */
export class Gateway {
  readonly #origin: string;

  constructor(private readonly settings: GatewaySettings) {
    this.#origin = new URL(settings.url).origin;
  }

  async get<T>(path: string, schema: z.ZodType<T>): Promise<T> {
    return this.#call('GET', path, undefined, schema);
  }

  async post<T>(path: string, body: object, schema: z.ZodType<T>): Promise<T> {
    return this.#call('POST', path, body, schema);
  }

  async remove(path: string): Promise<void> {
    await this.#call('DELETE', path, undefined, z.unknown());
  }

  /** @throws CommandFailed with the gateway's own words */
  async #call<T>(
    method: 'GET' | 'POST' | 'DELETE',
    path: string,
    body: object | undefined,
    schema: z.ZodType<T>,
  ): Promise<T> {
    const answer = await request(`${this.#origin}${path}`, {
      method,
      headersTimeout: timeoutMs,
      headers: {
        authorization: `Bearer ${this.#token()}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    }).catch((cause: unknown) => {
      throw new CommandFailed(`${this.#origin} does not answer.`, { cause });
    });
    const text = await answer.body.text();
    if (answer.statusCode === 204) return schema.parse(undefined);
    if (answer.statusCode < 300) return schema.parse(JSON.parse(text));
    throw new CommandFailed(wordsOf(answer.statusCode, text));
  }

  #token(): string {
    const { token, tokenFile } = this.settings;
    if (token !== undefined && token !== '') return token;
    if (tokenFile !== undefined) return fromFile(tokenFile);
    throw new CommandFailed(
      'Who asks? Put a token for the gateway into COUNTERSIGN_TOKEN, or name its file with --token-file.',
    );
  }
}

function fromFile(file: string): string {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (cause) {
    throw new CommandFailed('The token file cannot be read.', { cause });
  }
}

function wordsOf(status: number, text: string): string {
  try {
    const { code, detail } = problemSchema.parse(JSON.parse(text));
    return `${detail} (${code})`;
  } catch {
    return `The gateway answered ${status}.`;
  }
}
