import { InProcessLog, KafkaLog, type EventLog } from '#bus';
import type { LogDescription, LogTask } from './log-process.js';

interface Work {
  readonly log: LogDescription;
  readonly task: LogTask;
}

const { log: description, task } = workOf(process.argv[2]);
const log = openLog(description);
await log.connect();
if (task.does === 'append') await append(log, task.topic);
else await read(log, task);

async function append(log: EventLog, topic: string): Promise<void> {
  for (let n = 0; ; n += 1) {
    await log.append({ topic, key: `key-${n % 10}`, value: Buffer.from(String(n)), headers: {} });
    console.log(`acknowledged ${n}`);
  }
}

async function read(log: EventLog, task: Extract<LogTask, { does: 'read' }>): Promise<void> {
  const { group, topic } = task;
  const handle = async ({ value }: { value: Buffer }) => {
    const n = Number(value.toString());
    console.log(`began ${n}`);
    if (n >= task.until) await new Promise<never>(() => undefined);
    console.log(`finished ${n}`);
  };
  await log.subscribe({ group, topics: [topic], startAt: 'committed' }, { mode: 'each', handle });
}

function openLog(description: LogDescription): EventLog {
  if (description.kind === 'in-process') return new InProcessLog(description.file);
  const { brokers, sessionMs } = description;
  return new KafkaLog({ brokers, sessionMs, logger: () => undefined });
}

function workOf(text: string | undefined): Work {
  // Written by log-process.ts, which starts this program.
  const work: Work = JSON.parse(text ?? '');
  return work;
}
