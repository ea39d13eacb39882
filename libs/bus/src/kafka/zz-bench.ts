import { startBroker } from '/work/main/test/broker/broker.ts';
import { createTopics, KafkaLog } from '/work/main/libs/bus/src/index.ts';
const logger = () => undefined;
const t0 = performance.now();
const b = await startBroker(); console.log('broker up', (performance.now() - t0).toFixed(0), 'ms');
const brokers = b.brokers;
await createTopics({ brokers, logger });
const T = ['countersign.calls.v1','countersign.verdicts.v1','countersign.answers.v1','countersign.results.v1'];
const q = (a: number[], p: number) => a.toSorted((x, y) => x - y)[Math.floor(a.length * p)]?.toFixed(2);
const rec = (topic: string, key: string) => ({ topic, key, value: Buffer.alloc(1000, 65), headers: { a: '1', b: '2', c: '3' } });
const ingress = new KafkaLog({ brokers, logger }), policy = new KafkaLog({ brokers, logger }), masking = new KafkaLog({ brokers, logger });
for (const l of [ingress, policy, masking]) await l.connect();
for (let i = 0; i < 3000; i++) await ingress.append(rec('countersign.approvals.v1', 'k' + i));
for (let round = 0; round < 3; round++) {
  const times: number[] = [];
  for (let i = 0; i < 2000; i++) { const t = performance.now(); await ingress.append(rec('countersign.approvals.v1', 'k' + i)); times.push(performance.now() - t); }
  console.log('publish p50/p99', q(times, .5), q(times, .99));
}
const waiting = new Map<string, () => void>(); const verdict = new Map<string, () => void>();
const sub = (l: KafkaLog, group: string, topic: string, handle: (r: any) => Promise<void>, startAt: any = 'committed') => l.subscribe({ group, topics: [topic], startAt }, { mode: 'each', handle });
await sub(policy, 'policy', T[0]!, async (r) => policy.append(rec(T[1]!, r.key)));
await sub(masking, 'masking', T[2]!, async (r) => masking.append(rec(T[3]!, r.key)));
await sub(ingress, 'i1', T[1]!, async (r) => verdict.get(r.key)?.(), 'end');
await sub(ingress, 'i2', T[3]!, async (r) => waiting.get(r.key)?.(), 'end');
let n = 0;
const call = async () => {
  const id = 'c' + n++;
  const v = Promise.withResolvers<void>(), m = Promise.withResolvers<void>();
  verdict.set(id, v.resolve); waiting.set(id, m.resolve);
  await ingress.append(rec(T[0]!, id)); await v.promise;
  await ingress.append(rec(T[2]!, id)); await m.promise;
  verdict.delete(id); waiting.delete(id);
};
for (const callers of [1, 8, 64]) {
  for (const measured of [false, true]) {
    const times: number[] = []; const t = performance.now();
    const per = callers === 1 ? 600 : callers === 8 ? 300 : 120;
    await Promise.all(Array.from({ length: callers }, async () => { for (let i = 0; i < per; i++) { const t = performance.now(); await call(); times.push(performance.now() - t); } }));
    if (measured) console.log(callers, 'callers: 4 hops p50/p99', q(times, .5), q(times, .99), (callers * per / (performance.now() - t) * 1000).toFixed(0) + '/s');
  }
}
for (const l of [ingress, policy, masking]) await l.close();
await b.clean();
process.exit(0);
