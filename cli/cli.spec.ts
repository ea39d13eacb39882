import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { unzipSync } from 'fflate';
import { beforeEach, describe, expect, test } from 'vitest';
import { approvalRequested, callApproved, type Principal } from '#contracts';
import {
  ada,
  approvers,
  bob,
  type House,
  houses,
  stranger,
} from '../services/approval/src/house.suite.js';
import { approvalAnswer } from './answers.js';
import { approvalText } from './printing.js';
import { run } from './program.js';

const { newHouse } = houses();
const folder = mkdtempSync(join(tmpdir(), 'countersign-cli-'));

let house: House;
let url: string;

beforeEach(async () => {
  house = await newHouse();
  await house.app().listen(0, '127.0.0.1');
  url = await house.app().getUrl();
});

/** Runs a command as somebody: its exit code and its words. */
async function as(who: Principal | undefined, ...words: string[]) {
  let out = '';
  let errors = '';
  const token = who && Buffer.from(JSON.stringify(who)).toString('base64url');
  const code = await run(words, {
    environment: { COUNTERSIGN_URL: url, COUNTERSIGN_TOKEN: token },
    write: (text) => void (out += text),
    writeError: (text) => void (errors += text),
  });
  return { code, out, errors };
}

async function waiting(picture: object = {}): Promise<{ approvalId: string; callId: string }> {
  const grant = { maxSeconds: 1800 };
  const sets = [{ groups: [approvers], quorum: 1 }];
  const requirement = { sets, expiresAfterSeconds: 60, grant };
  const { callId } = await house.review({ requirement, picture });
  const { approvalId } = await house.heard(approvalRequested, callId);
  return { approvalId, callId };
}

describe('approvals', { timeout: 60_000 }, () => {
  test('when an approver lists, shows and approves, then the call goes on', async () => {
    const definition = { digest: 'a'.repeat(64), hints: {}, standing: 'changed' };
    const { approvalId, callId } = await waiting({ justification: 'charged twice', definition });

    const listed = await as(bob, 'approvals', 'list');
    const shown = await as(bob, 'approvals', 'show', approvalId);
    const approved = await as(bob, 'approvals', 'approve', approvalId, '--reason', 'checked');

    expect(listed.out).toMatch(new RegExp(`${approvalId}  pending  Ada  orders/refund`));
    expect(shown.out).toContain('charged twice');
    expect(shown.out).toContain("Definition The tool's definition changed since it was accepted.");
    expect(shown.out).toContain('"amount": 12');
    expect(approved).toMatchObject({ code: 0, errors: '' });
    await house.heard(callApproved, callId);
    expect((await as(bob, 'approvals', 'list')).out).toBe('Nothing waits.\n');
  });

  test('when hostile text is printed, then the terminal gets none of its controls', async () => {
    const { approvalId } = await waiting({
      justification: 'all fine\u001B[2J\u202Egnp.exe',
      maskedArguments: '{"note":"\u001B]0;owned\u0007"}',
    });

    const { out } = await as(bob, 'approvals', 'show', approvalId);

    expect(out).toContain('\\u{1b}[2J\\u{202e}gnp.exe');
    // oxlint-disable-next-line no-control-regex
    expect(out).not.toMatch(/[\u0000-\u0009\u000B-\u001F\u202E]/);
  });

  test('when somebody who may not signs, or a reason is missing, then the exit code and the words say so', async () => {
    const { approvalId } = await waiting();

    expect(await as(ada, 'approvals', 'approve', approvalId)).toMatchObject({
      code: 1,
      errors: 'Nobody signs their own request. (APPROVER_IS_REQUESTER)\n',
    });
    expect(await as(stranger, 'approvals', 'show', approvalId)).toMatchObject({
      code: 1,
      errors: 'There is no such approval. (APPROVAL_NOT_FOUND)\n',
    });
    expect((await as(bob, 'approvals', 'deny', approvalId)).code).toBe(2);
    expect(await as(bob, 'approvals', 'approve', approvalId, '--for', 'ever')).toMatchObject({
      code: 2,
    });
    expect((await as(bob, 'approvals', 'deny', approvalId, '--reason', 'no')).out).toContain(
      'refused',
    );
  });

  test('when there is no token or nobody answers, then the words tell what to do', async () => {
    expect((await as(undefined, 'approvals', 'list')).errors).toMatch(/COUNTERSIGN_TOKEN/);
    const nowhere = await as(bob, '--url', 'http://127.0.0.1:9', 'approvals', 'list');
    expect(nowhere).toMatchObject({ code: 1, errors: 'http://127.0.0.1:9 does not answer.\n' });
    expect((await as(bob, '--url', 'nothing', 'approvals', 'list')).code).toBe(1);
  });

  test('when JSON is asked for, then JSON is all that is printed', async () => {
    const { approvalId } = await waiting();

    const { out } = await as(bob, '--json', 'approvals', 'list');

    expect(JSON.parse(out)).toMatchObject({ approvals: [{ id: approvalId }], next: null });
  });

  test('when the token stands in a file, then it is read there', async () => {
    const file = join(folder, 'token');
    writeFileSync(file, `${Buffer.from(JSON.stringify(bob)).toString('base64url')}\n`);

    expect((await as(undefined, '--token-file', file, 'approvals', 'list')).code).toBe(0);
    expect((await as(undefined, '--token-file', `${file}x`, 'approvals', 'list')).code).toBe(1);
  });
});

describe('grants', { timeout: 60_000 }, () => {
  test('when an approver grants a time, then both see it and either can end it', async () => {
    const { approvalId } = await waiting();
    await as(bob, 'approvals', 'approve', approvalId, '--for', '10m');

    const { out } = await as(ada, '--json', 'grants', 'list');
    const listed: { grants: { id: string }[] } = JSON.parse(out);
    const id = listed.grants[0]?.id ?? '';

    expect((await as(bob, 'grants', 'list')).out).toContain('orders/refund');
    expect((await as(stranger, 'grants', 'revoke', id)).code).toBe(1);
    expect((await as(ada, 'grants', 'revoke', id, '--reason', 'done')).out).toContain('revoked');
    expect((await as(bob, 'grants', 'revoke', id)).errors).toContain('GRANT_NOT_LIVE');
  });

  test('when an approver shows a wish for a grant, then every tool, the condition and the count are there', async () => {
    const { approvalId } = await waiting();
    const view = { objectId: ada.objectId, displayName: 'Ada' };
    const scope = {
      server: 'orders',
      resources: ['refund_a', 'refund_b'],
      when: 'call.arguments.amount < 9.0',
      calls: 3,
    };
    const { out } = await as(bob, '--json', 'approvals', 'show', approvalId);
    const approval = approvalAnswer.parse(JSON.parse(out));
    const text = approvalText({
      ...approval,
      kind: 'grant',
      requester: view,
      grant: { scope, seconds: 600 },
    });

    for (const each of ['refund_a', 'refund_b', 'call.arguments.amount < 9.0', '600 s']) {
      expect(text).toContain(each);
    }
  });

  test('when somebody asks ahead of need without saying for how long, then nothing is asked', async () => {
    const asked = await as(ada, 'request', '--server', 'orders', '--tools', 'refund');

    expect(asked.code).toBe(2);
    expect((await as(ada, 'grants', 'list')).out).toBe('There are none.\n');
  });
});

test('when somebody is away, then they name who signs in their place, and take it back', async () => {
  const to = stranger.objectId;
  const added = await as(bob, 'delegations', 'add', '--to', to, '--for', '14d');
  const [id = ''] = added.out.split(':');

  expect((await as(bob, 'delegations', 'list')).out).toContain(to);
  expect((await as(bob, 'delegations', 'end', id)).code).toBe(0);
  expect((await as(bob, 'delegations', 'list')).out).not.toContain(to);
});

test('when the Teams package is written, then it is a zip with a manifest for this bot and its icons', async () => {
  const out = join(folder, 'app.zip');
  const id = '7d0f9a52-3c1e-4b6f-9a51-0c1f5b2d9e10';

  const written = await as(
    undefined,
    'teams',
    'package',
    '--app-id',
    id,
    '--home',
    'https://gw.example.com',
    '--out',
    out,
  );

  expect(written.code).toBe(0);
  const files = unzipSync(new Uint8Array(readFileSync(out)));
  expect(Object.keys(files).toSorted()).toEqual(['color.png', 'manifest.json', 'outline.png']);
  const manifest: unknown = JSON.parse(Buffer.from(files['manifest.json'] ?? []).toString('utf8'));
  expect(manifest).toMatchObject({
    id,
    bots: [{ botId: id }],
    developer: { websiteUrl: 'https://gw.example.com/approvals' },
  });
});

test('when the program is asked for help, then it tells, and an unknown command is not understood', async () => {
  expect(await as(undefined, '--help')).toMatchObject({ code: 0 });
  expect((await as(undefined, 'approve')).code).toBe(2);
});
