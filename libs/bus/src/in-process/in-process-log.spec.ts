import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { busSuite } from '../bus.suite.js';
import { eventLogSuite, type LogStorage } from '../event-log.suite.js';
import { InProcessLog } from './in-process-log.js';

eventLogSuite('in process', inProcessStorage);
busSuite('in process', inProcessStorage);

async function inProcessStorage(): Promise<LogStorage> {
  const folder = await mkdtemp(join(tmpdir(), 'countersign-log-'));
  const file = join(folder, 'log.sqlite');
  return {
    description: { kind: 'in-process', file },
    open: async (limits = {}) => {
      const log = new InProcessLog(file, limits);
      await log.connect();
      return log;
    },
    topic: async () => `test.${randomUUID()}`,
    remove: async () => rm(folder, { recursive: true, force: true }),
  };
}
