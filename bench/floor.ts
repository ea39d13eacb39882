import { randomUUID } from 'node:crypto';
import { KafkaLog } from '#bus';
import { nextText } from './echo.js';
import { floorTopics } from './floor-topics.js';
import { serveJobs } from './slice.js';

/**
 * One of three plain processes around the product's own Kafka client: what four produce→consume hops
 * cost by themselves. The first makes the calls; each of the others answers a topic with the next one.
 */
const [member, brokers] = process.argv.slice(4);
const log = new KafkaLog({ brokers: (brokers ?? '').split(',') });
const { calls, verdicts, answers, results } = floorTopics;
process.once('disconnect', () => process.exit(0));
await log.connect();
if (member === 'ingress') await callThrough();
else await (member === 'policy' ? pass(calls, verdicts) : pass(answers, results));
process.send?.({ ready: '' });

async function send(topic: string, key: string, text: string): Promise<void> {
  const headers = { ce_id: randomUUID(), ce_type: 'bench', addressee: 'bench' };
  await log.append({ topic, key, value: Buffer.from(text, 'utf8'), headers });
}

async function pass(from: string, to: string): Promise<void> {
  await log.subscribe(
    { group: `floor-${from}`, topics: [from], startAt: 'committed' },
    { mode: 'each', handle: async ({ key, value }) => send(to, key, value.toString('utf8')) },
  );
}

async function callThrough(): Promise<void> {
  const waiting = new Map<string, (text: string) => void>();
  await log.subscribe(
    { group: `floor-${randomUUID()}`, topics: [verdicts, results], startAt: 'end' },
    {
      mode: 'each',
      handle: async ({ topic, key, value }) => waiting.get(`${topic}/${key}`)?.(value.toString()),
    },
  );
  const hop = async (to: string, from: string, key: string, text: string): Promise<void> => {
    const name = `${from}/${key}`;
    const back = new Promise<string>((resolve) => {
      waiting.set(name, resolve);
    });
    await send(to, key, text);
    const got = await back;
    waiting.delete(name);
    if (got !== text) throw new Error(`another text came back on ${from}`);
  };
  serveJobs(async () => async () => {
    const key = randomUUID();
    const text = nextText();
    await hop(calls, verdicts, key, text);
    await hop(answers, results, key, text);
  });
}
