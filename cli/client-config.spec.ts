import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterEach, describe, expect, test } from 'vitest';
import { type OrdersServer, startOrdersServer } from '../demo/orders/orders-server.js';
import { run } from './program.js';

const clientId = '3f8a6c1e-2b4d-4e6f-8a1b-9c2d3e4f5a6b';
const secret = 'eyJ-a-secret';

/** Prints a configuration for a gateway at `https://gw.example.com`, where a token lies about. */
async function printed(...words: string[]) {
  let out = '';
  let errors = '';
  const code = await run(['client-config', ...words], {
    environment: { COUNTERSIGN_URL: 'https://gw.example.com/', COUNTERSIGN_TOKEN: secret },
    write: (text) => void (out += text),
    writeError: (text) => void (errors += text),
  });
  expect(out + errors).not.toContain(secret);
  return { code, out, errors };
}

async function json(...words: string[]): Promise<unknown> {
  const { code, out } = await printed(...words);
  expect(code).toBe(0);
  return JSON.parse(out);
}

const url = 'https://gw.example.com/mcp/orders';

describe('VS Code', () => {
  test('when nothing else is said, then it signs in under its own id', async () => {
    const { errors, out } = await printed('vscode', 'orders');

    expect(JSON.parse(out)).toEqual({ servers: { orders: { type: 'http', url } } });
    expect(errors).toContain('.vscode/mcp.json');
    expect(errors).toContain('aebc6443-996d-45c2-90f0-388ff96faa56');
  });

  test('when all servers are wanted together, then they are one', async () => {
    expect(await json('vscode', '--together')).toEqual({
      servers: { countersign: { type: 'http', url: 'https://gw.example.com/mcp' } },
    });
    expect((await printed('vscode', 'orders', '--together')).code).toBe(2);
  });

  test('when it has a client id of its own, then it is told so', async () => {
    expect(await json('vscode', 'orders', '--client-id', clientId)).toEqual({
      servers: { orders: { type: 'http', url, oauth: { clientId } } },
    });
  });

  test('when a token is to be used, then it asks for it and the file does not hold it', async () => {
    expect(await json('vscode', 'orders', '--token-env', 'CS_TOKEN')).toEqual({
      inputs: [
        {
          type: 'promptString',
          id: 'CS_TOKEN',
          description: 'Token for Countersign',
          password: true,
        },
      ],
      servers: {
        orders: { type: 'http', url, headers: { Authorization: 'Bearer ${input:CS_TOKEN}' } },
      },
    });
  });
});

describe('Claude Code', () => {
  test('when it has a client id, then file and command name it and the port of its redirect', async () => {
    const { errors, out } = await printed('claude-code', 'orders', '--client-id', clientId);

    expect(JSON.parse(out)).toEqual({
      mcpServers: { orders: { type: 'http', url, oauth: { clientId, callbackPort: 8080 } } },
    });
    expect(errors.split('\n')).toEqual([
      '# Redirect address of the registration: http://localhost:8080/callback',
      '# .mcp.json of a project. Or by command:',
      `claude mcp add --scope project --transport http --client-id ${clientId} --callback-port 8080 orders ${url}`,
      '',
    ]);
  });

  test('when a token is to be used, then it is read from the variable, and the shell does not put it in', async () => {
    const { errors, out } = await printed('claude-code', 'orders', '--token-env', 'CS_TOKEN');

    expect(JSON.parse(out)).toEqual({
      mcpServers: {
        orders: { type: 'http', url, headers: { Authorization: 'Bearer ${CS_TOKEN}' } },
      },
    });
    expect(errors).toContain(
      `claude mcp add --scope project --transport http orders ${url} --header 'Authorization: Bearer \${CS_TOKEN}'\n`,
    );
  });
});

describe('Claude Desktop', () => {
  test('when it has a client id, then a bridge signs in under it', async () => {
    const { errors, out } = await printed('claude-desktop', 'orders', '--client-id', clientId);

    expect(JSON.parse(out)).toEqual({
      mcpServers: {
        orders: {
          command: 'npx',
          args: [
            '-y',
            'mcp-remote@0.15.1',
            url,
            '3334',
            '--static-oauth-client-info',
            `{"client_id":"${clientId}"}`,
          ],
        },
      },
    });
    expect(errors).toContain('claude_desktop_config.json');
    expect(errors).toContain('http://localhost/oauth/callback');
  });

  test('when a token is to be used, then the bridge sends a header and no argument has a space', async () => {
    const config = await json('claude-desktop', 'orders', '--token-env', 'CS_AUTH');
    const args = ['-y', 'mcp-remote@0.15.1', url, '--header', 'Authorization:${CS_AUTH}'];

    expect(config).toEqual({
      mcpServers: { orders: { command: 'npx', args, env: { CS_AUTH: 'Bearer <token>' } } },
    });
    expect(args.join('')).not.toContain(' ');
  });

  test('when there are several servers, then each bridge waits on a port of its own', async () => {
    const words = ['claude-desktop', 'orders', '--server', 'files', '--client-id', clientId];
    const config = await json(...words, '--callback-port', '4000');

    expect(config).toMatchObject({
      mcpServers: {
        orders: { args: expect.arrayContaining([url, '4000']) },
        files: { args: expect.arrayContaining(['https://gw.example.com/mcp/files', '4001']) },
      },
    });
  });

  test('when the gateway speaks plain http elsewhere, then the bridge is told, and so is the reader', async () => {
    const words = ['claude-desktop', 'orders', '--client-id', clientId, '--url'];
    const exposed = await printed(...words, 'http://gw.internal:8080');
    const local = await printed(...words, 'http://localhost:8080');

    expect(exposed.out).toContain('--allow-http');
    expect(exposed.errors).toContain('plain http');
    expect(local.out).toContain('"http://localhost:8080/mcp/orders"');
    expect(local.out + local.errors).not.toMatch(/allow-http|plain http/);
  });
});

describe('Cursor', () => {
  test('when nothing else is said, then it sends a token from a variable', async () => {
    expect(await json('cursor', 'orders')).toEqual({
      mcpServers: {
        orders: { url, headers: { Authorization: 'Bearer ${env:COUNTERSIGN_TOKEN}' } },
      },
    });
    expect(await json('cursor', 'orders', '--token-env', 'CS_TOKEN')).toMatchObject({
      mcpServers: { orders: { headers: { Authorization: 'Bearer ${env:CS_TOKEN}' } } },
    });
  });

  test('when it has a client id, then a bridge signs in: its own sign-in cannot do without registering', async () => {
    const config = await json('cursor', 'orders', '--client-id', clientId);

    expect(config).toMatchObject({
      mcpServers: { orders: { command: 'npx', args: expect.arrayContaining([url]) } },
    });
  });
});

describe('the Inspector', () => {
  test('when it has a client id, then the file names it and the command opens the file', async () => {
    const { errors, out } = await printed('inspector', 'orders', '--client-id', clientId);

    expect(JSON.parse(out)).toEqual({
      mcpServers: { orders: { type: 'http', url, oauth: { clientId } } },
    });
    expect(errors).toContain(
      'npx @modelcontextprotocol/inspector@2 --config inspector.json --server orders\n',
    );
  });

  test('when a token is to be used, then it is a command for a shell', async () => {
    const { out } = await printed('inspector', 'orders', '--token-env', 'CS_TOKEN');

    expect(out).toBe(
      `npx @modelcontextprotocol/inspector@2 --transport http --server-url ${url} --header "Authorization: Bearer $CS_TOKEN"\n`,
    );
    expect(await json('inspector', 'orders', '--token-env', 'CS_TOKEN', '--json')).toEqual({
      mcpServers: { orders: { type: 'http', url } },
    });
  });
});

describe('a program on the SDK', () => {
  let server: OrdersServer | undefined;
  afterEach(async () => server?.close());
  const node = async (program: string, environment: Record<string, string>) =>
    promisify(execFile)(process.execPath, ['--input-type=module', '--eval', program], {
      env: { PATH: process.env['PATH'] ?? '', ...environment },
    });

  test('when it is run with a token in the variable, then it reaches the server with it', async () => {
    server = await startOrdersServer({ host: '127.0.0.1', port: 0, token: secret });
    const { out } = await printed('sdk', 'orders', '--token-env', 'CS_TOKEN');
    expect(out).toContain(`  orders: '${url}',`);

    const { stdout } = await node(out.replace(url, server.url), { CS_TOKEN: secret });

    expect(stdout).toMatch(/^orders .*refund_order/);
  });

  test('when the variable is empty, then it says so', async () => {
    const { out } = await printed('sdk', 'orders', '--server', 'files.old-2');

    await expect(node(out, {})).rejects.toThrow('COUNTERSIGN_TOKEN holds no token');
  });

  test('when JSON is asked for, then JSON is all that is printed', async () => {
    expect(await json('sdk', 'orders', '--server', 'files', '--json')).toEqual({
      servers: {
        orders: { url, tokenEnv: 'COUNTERSIGN_TOKEN' },
        files: { url: 'https://gw.example.com/mcp/files', tokenEnv: 'COUNTERSIGN_TOKEN' },
      },
    });
  });
});

describe('what cannot be printed', () => {
  test.each([
    ['no server', ['vscode'], 'Name a server'],
    ['an unknown client', ['emacs', 'orders'], 'Allowed choices are vscode'],
    ['a name that is none', ['vscode', 'orders; rm -rf /'], 'Write the name of a server'],
    [
      'a second name that is none',
      ['vscode', 'a', '--server', '../b'],
      'Write the name of a server',
    ],
    [
      'a token in place of its variable',
      ['cursor', 'a', '--token-env', 'eyJ.x.y'],
      'not its value',
    ],
    ['a strange client id', ['vscode', 'a', '--client-id', '$(id)'], 'Write a client id'],
    [
      'a strange port',
      ['vscode', 'a', '--client-id', 'a', '--callback-port', '99999'],
      'Write a port',
    ],
    [
      'both a client id and a token',
      ['vscode', 'a', '--client-id', 'a', '--token-env', 'B'],
      'cannot be used with',
    ],
    ['Claude Code without either', ['claude-code', 'orders'], 'Claude Code needs a client id'],
    [
      'Claude Desktop without either',
      ['claude-desktop', 'orders'],
      'Claude Desktop needs a client id',
    ],
    ['the Inspector without either', ['inspector', 'orders'], 'The Inspector needs a client id'],
    [
      'a program with a client id',
      ['sdk', 'orders', '--client-id', 'a'],
      'A program takes a token',
    ],
  ])('when it is %s, then the words say so and the exit code is 2', async (_, words, message) => {
    const { code, errors, out } = await printed(...words);

    expect(code).toBe(2);
    expect(errors).toContain(message);
    expect(out).toBe('');
  });

  test('when the URL is none of the web, then nothing is printed', async () => {
    for (const bad of ['nothing', 'file:///etc/passwd']) {
      expect(await printed('vscode', 'orders', '--url', bad)).toMatchObject({ code: 1, out: '' });
    }
  });
});
