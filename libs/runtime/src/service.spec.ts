import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Body, Controller, Get, HttpCode, Module, Post, UseFilters } from '@nestjs/common';
import { afterAll, afterEach, expect, test, vi } from 'vitest';
import { z } from 'zod';
import { Bus, type EventLog, InProcessLog, PublishError } from '#bus';
import { callFailed } from '#contracts';
import { Problem, ProblemFilter, ZodPipe } from './problem.js';
import { type RunningService, startService, withLog } from './service.js';

const bodySchema = z.strictObject({ name: z.string() });

@Controller('v1')
@UseFilters(ProblemFilter)
class SampleController {
  @Post('echo')
  @HttpCode(200)
  echo(@Body(new ZodPipe(bodySchema)) body: z.infer<typeof bodySchema>) {
    return body;
  }

  @Get('problem')
  problem() {
    throw new Problem(409, 'SAMPLE_CONFLICT', 'It is so already.');
  }

  @Get('crash')
  crash() {
    throw new Error('a secret of the inside');
  }
}

@Module({})
class SampleModule {}

/** A log whose broker is away until the test brings it back. */
class LateLog implements EventLog {
  isThere = false;

  constructor(private readonly log: EventLog) {}

  async connect(): Promise<void> {
    if (!this.isThere) throw new PublishError('BROKER_UNAVAILABLE', 'not there yet');
    await this.log.connect();
  }
  append: EventLog['append'] = async (record) => this.log.append(record);
  subscribe: EventLog['subscribe'] = async (...reading) => this.log.subscribe(...reading);
  ends: EventLog['ends'] = async (topic) => this.log.ends(topic);
  finished: EventLog['finished'] = async (...asked) => this.log.finished(...asked);
  canAppend = (): boolean => this.isThere && this.log.canAppend();
  close = async (): Promise<void> => this.log.close();
}

const folder = mkdtempSync(join(tmpdir(), 'countersign-service-'));
let service: RunningService;
let log: LateLog;

const start = async (isThere: boolean): Promise<void> => {
  log = new LateLog(new InProcessLog(join(folder, `${crypto.randomUUID()}.sqlite`)));
  log.isThere = isThere;
  const bus = new Bus(log, { group: 'sample', startAt: 'committed' });
  bus.on(callFailed, () => undefined);
  const started = await startService({
    name: 'sample',
    host: '127.0.0.1',
    port: 0,
    logLevel: 'fatal',
    modules: [{ module: SampleModule, controllers: [SampleController] }],
    buses: [bus],
  });
  service = withLog(started, log);
};

const get = async (path: string, init: RequestInit = {}) => {
  const response = await fetch(`${service.url}${path}`, init);
  const type = response.headers.get('content-type') ?? '';
  return { status: response.status, type, text: await response.text() };
};
const post = async (body: string) =>
  get('/v1/echo', { method: 'POST', body, headers: { 'content-type': 'application/json' } });

afterEach(async () => {
  await service.close();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('when the broker is not there at the start, then the service is alive, not ready, and gets ready by itself', async () => {
  await start(false);

  expect((await get('/livez')).status).toBe(200);
  expect((await get('/readyz')).status).toBe(503);
  log.isThere = true;
  await service.listening;
  await vi.waitFor(async () => expect((await get('/readyz')).status).toBe(200));
  expect((await get('/metrics')).text).toContain('process_cpu_seconds_total');
});

test('when a route fails, then the caller gets a problem with a stable code and nothing of the inside', async () => {
  await start(true);

  expect((await post('{"name":"a"}')).text).toBe('{"name":"a"}');
  expect(JSON.parse((await get('/v1/problem')).text)).toMatchObject({
    status: 409,
    code: 'SAMPLE_CONFLICT',
    detail: 'It is so already.',
  });
  const crash = await get('/v1/crash');
  expect(crash.type).toContain('application/problem+json');
  expect(JSON.parse(crash.text)).toMatchObject({ status: 500, code: 'INTERNAL' });
  expect(crash.text).not.toContain('secret');
});

test.each([
  ['a route that there is not', async () => get('/v1/nothing'), 404],
  ['a body that is no JSON', async () => post('{"name":'), 400],
])('when somebody asks with %s, then that is a problem with a code too', async (_, ask, status) => {
  await start(true);

  const answer = await ask();

  expect(answer.type).toContain('application/problem+json');
  expect(JSON.parse(answer.text)).toMatchObject({ status, code: expect.any(String) });
});

test.each([
  ['has an unknown member', '{"name":"a","x":1}'],
  ['lacks a member', '{}'],
  ['is no object', '[]'],
])('when a body %s, then it is a 400 that names the place', async (_, body) => {
  await start(true);

  expect(JSON.parse((await post(body)).text)).toMatchObject({
    status: 400,
    code: 'REQUEST_INVALID',
  });
});
