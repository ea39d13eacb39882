import { Argument, type Command, InvalidArgumentError, Option } from 'commander';
import { type Access, AccessMissing, type Wish } from './clients/client.js';
import { clientConfig, type ClientName, clientNames } from './clients/clients.js';
import type { Write } from './printing.js';

/** What the command works with. */
export interface ClientConfigParts {
  /** The URL of the gateway, as the options name it. */
  readonly url: () => string;
  readonly isJson: () => boolean;
  readonly write: Write;
  readonly writeError: Write;
}

/** The name under which a client knows all servers together. */
const everything = 'countersign';

interface Options {
  readonly server: readonly string[];
  readonly together?: true;
  readonly clientId?: string;
  readonly callbackPort?: number;
  readonly tokenEnv?: string;
}

/** `client-config`: what a client's own configuration must say to reach servers through the gateway. */
export function addClientConfig(program: Command, parts: ClientConfigParts): void {
  const command: Command = program
    .command('client-config')
    .description("print a client's configuration for servers of the gateway")
    .addArgument(new Argument('<client>', 'which client').choices(clientNames))
    .addArgument(new Argument('[server]', 'name of a server').argParser(serverName))
    .option('--server <name>', 'one more; may be repeated', more, [])
    .option('--together', 'all servers under one address, where the gateway offers that')
    .addOption(
      new Option('--client-id <id>', 'registered in Entra for this client').argParser(clientId),
    )
    .option('--callback-port <n>', 'where the client waits for the end of a sign-in', port)
    .addOption(
      new Option('--token-env <name>', 'variable that holds a token, in place of a sign-in')
        .argParser(variable)
        .conflicts('clientId'),
    );
  command.action((client: ClientName, server: string | undefined, options: Options) => {
    const isTogether = options.together === true;
    const named = [...(server === undefined ? [] : [server]), ...options.server];
    const [first, ...rest] = new Set(isTogether ? [everything] : named);
    if (first === undefined || (isTogether && named.length > 0)) {
      command.error('Name a server of the gateway, or --together alone.', { exitCode: 2 });
    }
    const servers = [first, ...rest] as const;
    const origin = originOf(parts.url());
    const wish = { origin, servers, isTogether, access: accessOf(options) };
    print(client, wish, command, parts);
  });
}

function print(
  client: ClientName,
  wish: Wish,
  command: Command,
  { isJson, write, writeError }: ClientConfigParts,
): void {
  try {
    const { commands = [], json, notes, text } = clientConfig(client, wish);
    writeError(
      [...notes.map((note) => `# ${note}\n`), ...commands.map((each) => `${each}\n`)].join(''),
    );
    write(isJson() || text === undefined ? `${JSON.stringify(json, null, 2)}\n` : text);
  } catch (error) {
    if (error instanceof AccessMissing) command.error(error.message, { exitCode: 2 });
    throw error;
  }
}

function accessOf({ callbackPort, clientId, tokenEnv }: Options): Access {
  if (tokenEnv !== undefined) return { kind: 'token', variable: tokenEnv };
  if (clientId === undefined) return { kind: 'builtIn' };
  return { kind: 'signIn', clientId, ...(callbackPort === undefined ? {} : { callbackPort }) };
}

/** @throws TypeError for a text that is no http or https URL */
function originOf(text: string): string {
  const { origin, protocol } = new URL(text);
  if (protocol === 'https:' || protocol === 'http:') return origin;
  throw new TypeError('The URL of the gateway begins with https:// or http://.');
}

/** Names of servers as `countersign.yaml` may have them. */
function serverName(text: string): string {
  return matching(text, /^[a-z][a-z0-9_.-]{0,62}$/i, 'Write the name of a server of the gateway.');
}

function more(text: string, before: readonly string[]): readonly string[] {
  return [...before, serverName(text)];
}

function clientId(text: string): string {
  return matching(text, /^[\w.-]{1,128}$/, 'Write a client id.');
}

function variable(text: string): string {
  return matching(text, /^[A-Za-z_]\w*$/, 'Write the name of a variable, not its value.');
}

function port(text: string): number {
  const words = 'Write a port, such as 8080.';
  const number = Number(matching(text, /^[1-9]\d{0,4}$/, words));
  if (number <= 65_535) return number;
  throw new InvalidArgumentError(words);
}

/** @throws InvalidArgumentError: what is printed may be pasted into a shell */
function matching(text: string, pattern: RegExp, words: string): string {
  if (pattern.test(text)) return text;
  throw new InvalidArgumentError(words);
}
