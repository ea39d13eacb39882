import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { getDefaultAutoSelectFamily, setDefaultAutoSelectFamily } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { makeCertificates } from '../../../../demo/entra/certificates.js';
import type { Resolve } from './upstream-connector.js';
import {
  type Answering,
  closeAfterEach,
  deadOrigin,
  hostOf,
  notExecuted,
  sent,
  senderTo,
  silentOrigin,
} from './upstream-host.suite.js';

closeAfterEach();
const folder = mkdtempSync(join(tmpdir(), 'countersign-sender-'));
afterAll(() => rmSync(folder, { recursive: true }));

const ok: Answering = (response) => void response.end('ok');
const done = { status: 200, text: 'ok' };

/** Answers each question with the next list of addresses; the last one from then on. */
function resolving(...answers: readonly (readonly string[])[]) {
  const asked: string[] = [];
  const resolve: Resolve = (host, _, callback) => {
    const addresses = answers[Math.min(asked.length, answers.length - 1)] ?? [];
    asked.push(host);
    const found = addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
    setImmediate(() => callback(null, found));
  };
  return { asked, resolve };
}

describe('addresses', () => {
  test('when the host is on this machine, then it is reached under its name and under its address', async () => {
    const { heard, origin, port } = await hostOf(ok);

    expect(await sent(senderTo(`${origin}/mcp`))).toEqual(done);
    expect(await sent(senderTo(`http://localhost:${port}/mcp`, { network: 'private' }))).toEqual(
      done,
    );
    expect(heard.map(({ method, path, body }) => [method, path, body])).toEqual([
      ['POST', '/mcp', '{"n":1}'],
      ['POST', '/mcp', '{"n":1}'],
    ]);
  });

  test.each([
    '127.0.0.1',
    '2130706433',
    '0x7f000001',
    '017700000001',
    '127.1',
    '[::ffff:127.0.0.1]',
  ])(
    'when the URL holds %s and the network is public, then nothing is sent and the setting is named',
    async (host) => {
      const { connections, port } = await hostOf(ok);
      const sender = senderTo(`http://${host}:${port}/mcp`, {
        network: 'public',
        credential: { header: 'Authorization', value: 'Bearer hunter2' },
      });

      const refusal: unknown = await sent(sender).catch((error: unknown) => error);

      expect(refusal).toMatchObject({
        ...notExecuted,
        message: 'The server has an address that its setting "network" does not allow.',
        cause: { code: 'ADDRESS_REFUSED', message: expect.stringContaining('network: public') },
      });
      expect(JSON.stringify(refusal)).not.toContain('hunter2');
      expect(connections()).toBe(0);
    },
  );

  test.each([
    'http://169.254.169.254/latest/meta-data',
    'http://2852039166/latest/meta-data',
    'http://[::ffff:a9fe:a9fe]/latest/meta-data',
    'https://[fd00:ec2::254]/latest/meta-data',
    'http://[64:ff9b::a9fe:a9fe]/',
    'http://[fe80::1]/',
    'http://0.0.0.0/',
    'http://[::]/',
    'http://255.255.255.255/',
  ])('when the URL is %s, then it is not called, whatever the network', async (url) => {
    for (const network of ['any', 'private', 'public'] as const) {
      await expect(sent(senderTo(url, { network }))).rejects.toMatchObject({
        ...notExecuted,
        cause: { code: 'ADDRESS_REFUSED' },
      });
    }
  });

  test.each([
    ['public', ['93.184.215.14', '127.0.0.1']],
    ['public', ['127.0.0.1', '2606:2800:21f::1']],
    ['private', ['127.0.0.1', '93.184.215.14']],
    ['any', ['127.0.0.1', '169.254.169.254']],
    ['any', ['127.0.0.1', '::ffff:169.254.169.254']],
    ['any', []],
  ] as const)(
    'when the network is %s and the name has the addresses %j, then nothing is sent',
    async (network, addresses) => {
      const { connections, port } = await hostOf(ok);
      const { resolve } = resolving(addresses);
      const sender = senderTo(`http://orders.example:${port}/mcp`, { network, resolve });

      await expect(sent(sender)).rejects.toMatchObject(notExecuted);
      expect(connections()).toBe(0);
    },
  );

  test('when the name gets another address after it was judged, then the judged one is called, once asked for', async () => {
    const { heard, port } = await hostOf((response) => {
      response.setHeader('connection', 'close').end('ok');
    });
    const { asked, resolve } = resolving(['127.0.0.1'], ['169.254.169.254']);
    const sender = senderTo(`http://orders.example:${port}/mcp`, { resolve });

    expect(await sent(sender)).toEqual(done);
    expect(asked).toEqual(['orders.example']);
    expect(heard[0]?.headers['host']).toBe(`orders.example:${port}`);

    await expect(sent(sender)).rejects.toMatchObject({ cause: { code: 'ADDRESS_REFUSED' } });
    expect(heard).toHaveLength(1);
  });

  test('when the runtime asks for one address alone, then all that the name has are judged all the same', async () => {
    const before = getDefaultAutoSelectFamily();
    setDefaultAutoSelectFamily(false);
    const { heard, port } = await hostOf(ok);
    const url = `http://orders.example:${port}/mcp`;
    const mixed = resolving(['127.0.0.1', '169.254.169.254']);
    const good = resolving(['127.0.0.1']);
    try {
      await expect(sent(senderTo(url, { resolve: mixed.resolve }))).rejects.toMatchObject({
        cause: { code: 'ADDRESS_REFUSED' },
      });
      expect(heard).toEqual([]);
      expect(await sent(senderTo(url, { resolve: good.resolve }))).toEqual(done);
    } finally {
      setDefaultAutoSelectFamily(before);
    }
  });

  test('when the name has no address, then the call was not executed and the log can say why', async () => {
    await expect(sent(senderTo('http://orders.invalid/mcp'))).rejects.toMatchObject({
      ...notExecuted,
      message: 'The server cannot be reached.',
      cause: { code: 'CONNECT_FAILED', message: expect.stringContaining('orders.invalid') },
    });
  });
});

describe('connections', () => {
  test('when requests follow each other, then connections are used again', async () => {
    const { connections, origin } = await hostOf(ok);
    const sender = senderTo(origin);

    for (let n = 0; n < 20; n += 1) await sent(sender);

    // The next request may be there before the last answer has left its connection.
    expect(connections()).toBeLessThanOrEqual(2);
  });

  test('when nobody listens, then the call was not executed', async () => {
    await expect(sent(senderTo(await deadOrigin()))).rejects.toMatchObject({
      ...notExecuted,
      cause: { message: expect.stringContaining('ECONNREFUSED') },
    });
  });

  test('when the server hangs up in the middle, then nobody knows whether the call was executed', async () => {
    const { origin } = await hostOf((response) => void response.destroy());

    await expect(sent(senderTo(origin))).rejects.toMatchObject({
      code: 'UPSTREAM_UNAVAILABLE',
      executed: 'unknown',
    });
  });

  test('when the server connects but does not get on, then connectTimeoutMs ends it before anything is sent', async () => {
    await expect(
      sent(senderTo(await silentOrigin(), { connectTimeoutMs: 300 })),
    ).rejects.toMatchObject({
      ...notExecuted,
      cause: { message: expect.stringContaining('UND_ERR_CONNECT_TIMEOUT') },
    });
  });

  test('when the server does not answer, then timeoutMs ends it', async () => {
    const { origin } = await hostOf(() => undefined);

    await expect(sent(senderTo(origin, { timeoutMs: 300 }))).rejects.toMatchObject({
      code: 'UPSTREAM_TIMEOUT',
      executed: 'unknown',
    });
  });

  test('when the answer is not wanted any more before anything was sent, then nothing is', async () => {
    const { connections, origin } = await hostOf(ok);

    await expect(sent(senderTo(origin), { signal: AbortSignal.abort() })).rejects.toMatchObject(
      notExecuted,
    );
    expect(connections()).toBe(0);
  });
});

describe('certificate authorities', () => {
  test('when caFile holds the authority of the server, then it is trusted, and read again when it changes', async () => {
    const [ours, foreign] = await Promise.all([makeCertificates([]), makeCertificates([])]);
    const tls = { key: ours.privateKey, cert: ours.certificate };
    const { origin } = await hostOf((response) => {
      response.setHeader('connection', 'close').end('ok');
    }, tls);
    const caFile = join(folder, 'ca.pem');
    writeFileSync(caFile, foreign.authority);
    const sender = senderTo(origin, { caFile });

    await expect(sent(sender)).rejects.toMatchObject({
      ...notExecuted,
      cause: { code: 'CONNECT_FAILED', message: expect.stringContaining('certificate') },
    });
    writeFileSync(caFile, ours.authority);
    expect(await sent(sender)).toEqual(done);
  });

  test('when the authority is not known, the file is missing or holds none, then nothing is sent', async () => {
    const { authority: _, certificate: cert, privateKey: key } = await makeCertificates([]);
    const { heard, origin } = await hostOf(ok, { key, cert });
    const none = join(folder, 'none.pem');
    writeFileSync(none, 'nothing');

    await expect(sent(senderTo(origin))).rejects.toMatchObject(notExecuted);
    for (const caFile of [none, join(folder, 'missing.pem')]) {
      await expect(sent(senderTo(origin, { caFile }))).rejects.toMatchObject({
        ...notExecuted,
        cause: {
          code: 'CREDENTIAL_UNAVAILABLE',
          message: `the file ${caFile} holds no certificates`,
        },
      });
    }
    expect(heard).toEqual([]);
  });
});

describe('redirects', () => {
  const redirecting =
    (to: (path: string) => string | undefined, status = 307): Answering =>
    (response, { path }) => {
      const location = to(path);
      if (location === undefined) response.end('ok');
      else response.writeHead(status, { location }).end('x'.repeat(200_000));
    };
  const credential = { header: 'Authorization', value: 'Bearer hunter2' };

  test.each([307, 308])(
    'when the server redirects with %d to its own origin, then method, body and credential go along',
    async (status) => {
      const { heard, origin } = await hostOf(
        redirecting((path) => (path === '/mcp' ? '/mcp/' : undefined), status),
      );

      expect(await sent(senderTo(`${origin}/mcp`, { credential }))).toEqual(done);
      expect(heard.map(({ method, path, body }) => [method, path, body])).toEqual([
        ['POST', '/mcp', '{"n":1}'],
        ['POST', '/mcp/', '{"n":1}'],
      ]);
      expect(heard[1]?.headers['authorization']).toBe('Bearer hunter2');
    },
  );

  test('when the server redirects three times, then it is followed, and not a fourth time', async () => {
    const stepTo = (last: number) =>
      redirecting((path) => {
        const step = Number(path.slice(1));
        return step < last ? `/${step + 1}` : undefined;
      });
    const [three, four] = await Promise.all([hostOf(stepTo(3)), hostOf(stepTo(4))]);

    expect(await sent(senderTo(`${three.origin}/0`))).toEqual(done);
    await expect(sent(senderTo(`${four.origin}/0`))).rejects.toMatchObject({
      ...notExecuted,
      message: 'The server redirects too often.',
    });
    expect(four.heard).toHaveLength(4);
  });

  test.each([301, 302, 303, 307, 308])(
    'when the server redirects with %d to another origin, then that origin gets no request',
    async (status) => {
      const foreign = await hostOf(ok);
      const { origin, heard } = await hostOf(redirecting(() => `${foreign.origin}/mcp`, status));

      await expect(sent(senderTo(origin, { credential }))).rejects.toMatchObject({
        ...notExecuted,
        message: expect.stringMatching(/another origin|only 307 and 308/),
        cause: { code: 'REDIRECT_REFUSED' },
      });
      expect(heard).toHaveLength(1);
      expect(foreign.connections()).toBe(0);
    },
  );

  test.each([301, 302, 303])(
    'when the server redirects with %d, which would make another request, then it is refused in clear words',
    async (status) => {
      const { heard, origin } = await hostOf(redirecting(() => '/elsewhere', status));

      await expect(sent(senderTo(origin))).rejects.toMatchObject({
        ...notExecuted,
        message: `The server redirects with status ${status}; only 307 and 308 are followed.`,
      });
      expect(heard).toHaveLength(1);
    },
  );

  test.each([
    ['//localhost:1/mcp', 'another origin'],
    ['https://127.0.0.1/mcp', 'another origin'],
    ['data:text/plain,x', 'another origin'],
    ['http://', 'to nowhere'],
  ])('when the server redirects to %s, then it is refused', async (location, words) => {
    const { origin } = await hostOf(redirecting(() => location));

    await expect(sent(senderTo(origin))).rejects.toMatchObject({
      ...notExecuted,
      message: expect.stringContaining(words),
    });
  });

  test('when a redirect names no place, then it is refused', async () => {
    const { origin } = await hostOf((response) => void response.writeHead(307).end());

    await expect(sent(senderTo(origin))).rejects.toMatchObject({
      ...notExecuted,
      message: 'The server redirects to nowhere.',
    });
  });
});

describe('headers', () => {
  const headers = { 'X-Api-Version': '1', 'X-Tenant': '${TENANT}' };

  test('when headers are configured, then every request has them, with the values of variables', async () => {
    const { heard, origin } = await hostOf(ok);
    const environment = { TENANT: 'contoso' };

    await sent(senderTo(origin, { headers, environment }));

    expect(heard[0]?.headers).toMatchObject({
      'x-api-version': '1',
      'x-tenant': 'contoso',
      'content-type': 'application/json',
    });
  });

  test.each([
    ['has no value', {}, 'the environment variable TENANT is not set'],
    [
      'would make a second header',
      { TENANT: 'a\r\nX-Admin: 1' },
      'the value for the header X-Tenant',
    ],
  ])(
    'when a variable %s, then nothing is sent and no value is told',
    async (_, environment, words) => {
      const { connections, origin } = await hostOf(ok);
      const refusal: unknown = await sent(senderTo(origin, { headers, environment })).catch(
        (error: unknown) => error,
      );

      expect(refusal).toMatchObject({
        ...notExecuted,
        cause: { code: 'CREDENTIAL_UNAVAILABLE', message: expect.stringContaining(words) },
      });
      expect(refusal).not.toMatchObject({ cause: { message: expect.stringContaining('X-Admin') } });
      expect(connections()).toBe(0);
    },
  );
});
