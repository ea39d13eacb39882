import { get, type IncomingMessage } from 'node:http';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { demoGroups, demoIdentities } from '../../../../demo/entra/identities.js';
import { HttpVisitor } from '../../../../test/browser/http-visitor.js';
import { sampleView } from '../../../../test/browser/memory-desk.js';
import { type PageWorld, startPageWorld } from '../../../../test/browser/page-world.js';
import { eventually } from '../../../../test/stack/http.js';

let world: PageWorld;
let approver: HttpVisitor;
const open: IncomingMessage[] = [];

beforeAll(async () => {
  world = await startPageWorld({ beatMs: 50 });
});
afterAll(async () => world.close());
beforeEach(async () => {
  world.desk.clear();
  world.desk.fault = undefined;
  world.entra.setGroups(demoIdentities.approver.oid, [demoGroups['orders-owners']]);
  approver = new HttpVisitor(world);
  await approver.signIn('approver');
});
afterEach(() => {
  for (const stream of open.splice(0)) stream.destroy();
});

class Listening {
  text = '';
  isOver = false;
  constructor(readonly response: IncomingMessage) {
    open.push(response);
    response.setEncoding('utf8').on('data', (chunk: string) => void (this.text += chunk));
    response.on('close', () => void (this.isOver = true));
  }

  get changed(): string[] {
    return [...this.text.matchAll(/event: changed\ndata: (\S+)/g)].map(([, id]) => id ?? '');
  }

  get lastId(): string {
    return [...this.text.matchAll(/^id: (\S+)$/gm)].at(-1)?.[1] ?? '';
  }
}

/** A stream, once its first sign of life has come. */
async function listen(by: HttpVisitor, after: string, lastEventId?: string): Promise<Listening> {
  const cookie = [...by.cookies].map(([name, { value }]) => `${name}=${value}`).join('; ');
  const response = await new Promise<IncomingMessage>((done, fail) => {
    const headers = {
      cookie,
      accept: 'text/event-stream',
      host: new URL(world.origin).host,
      ...(lastEventId === undefined ? {} : { 'last-event-id': lastEventId }),
    };
    const url = `${world.origin}/approvals/events?after=${after}`;
    get(url, { headers, agent: false }, done).on('error', fail);
  });
  const listening = new Listening(response);
  if (response.statusCode === 200) await eventually(() => expect(listening.text).toContain('beat'));
  return listening;
}

const cursorOf = async (by: HttpVisitor) =>
  /data-cursor="([^"]+)"/.exec((await by.get('/approvals')).text)?.[1] ?? '';

describe('live changes', () => {
  test('when an approval changes, then the reader is told within a second', async () => {
    const stream = await listen(approver, await cursorOf(approver));

    const id = world.desk.put(sampleView());

    await eventually(() => expect(stream.changed).toEqual([id]), 1000);
    expect(stream.response.headers['content-type']).toBe('text/event-stream');
  });

  test('when it changed between the page and the stream, then it is told too', async () => {
    const cursor = await cursorOf(approver);
    const id = world.desk.put(sampleView());

    const stream = await listen(approver, cursor);

    await eventually(() => expect(stream.changed).toEqual([id]));
  });

  test('when the reader was away for a moment, then it is told what it missed and nothing twice', async () => {
    const first = await listen(approver, await cursorOf(approver));
    const told = world.desk.put(sampleView());
    await eventually(() => expect(first.lastId).not.toBe(''));
    first.response.destroy();
    const missed = world.desk.put(sampleView());

    const second = await listen(approver, 'old', first.lastId);

    await eventually(() => expect(second.changed).toEqual([missed]));
    expect(second.changed).not.toContain(told);
    expect(second.text).not.toContain('event: all');
  });

  test.each(['', 'nonsense', '00000000-0000-4000-8000-000000000000.1'])(
    'when the place "%s" is not known, then the reader looks at everything anew',
    async (cursor) => {
      const stream = await listen(approver, cursor);

      await eventually(() => expect(stream.text).toContain('event: all'));
    },
  );

  test('when an approval is not for the reader, then nothing is told of it', async () => {
    const stream = await listen(approver, await cursorOf(approver));
    const groups = [{ id: demoGroups.engineers, name: null }];

    world.desk.put(sampleView({ sets: [{ groups, quorum: 1, signed: 0, isEscalation: false }] }));
    const own = world.desk.put(sampleView());

    await eventually(() => expect(stream.changed).toEqual([own]));
  });

  test('when the database is away at that moment, then the reader is told to look', async () => {
    const stream = await listen(approver, await cursorOf(approver));
    world.desk.fault = Object.assign(new Error('down'), { code: 'ECONNREFUSED' });

    world.desk.put(sampleView());

    await eventually(() => expect(stream.text).toContain('event: all'));
  });
});

describe('who may listen', () => {
  test('when nobody is signed in, then there is no stream', async () => {
    const stream = await listen(new HttpVisitor(world), '');

    expect(stream.response.statusCode).toBe(401);
  });

  test('when the reader signs out elsewhere, then the stream says so and ends', async () => {
    const stream = await listen(approver, await cursorOf(approver));

    await world.sql('delete from page_session');

    await eventually(() => expect(stream.text).toContain('event: ended'));
    await eventually(() => expect(stream.isOver).toBe(true));
  });

  test('when one session opens too many, then the next is refused and others are served', async () => {
    const other = new HttpVisitor(world);
    await other.signIn('approver2');
    for (let each = 0; each < 12; each += 1) await listen(approver, '');

    expect((await listen(approver, '')).response.statusCode).toBe(429);
    expect((await listen(other, '')).response.statusCode).toBe(200);
  });

  test('when the service ends, then its streams end and do not hold it up', async () => {
    const stream = await listen(approver, await cursorOf(approver));

    await world.restart();

    await eventually(() => expect(stream.isOver).toBe(true));
    expect((await approver.get('/approvals')).status).toBe(200);
  });
});
