import { Counter, Histogram } from 'prom-client';

const calls = new Counter({
  name: 'countersign_calls_total',
  help: 'Calls that ended, by server and outcome: ok, error, or the code of the refusal.',
  labelNames: ['server', 'outcome'],
});
const seconds = new Histogram({
  name: 'countersign_call_seconds',
  help: 'Time from the request to the end of the answer, waiting for people included.',
  labelNames: ['server'],
  buckets: [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5, 30, 120],
});

/** Counts a call that ended. Labels are names from the configuration and codes, never anything of a caller. */
export function countCall(server: string, outcome: string, startedMs: number): void {
  calls.inc({ server, outcome });
  seconds.observe({ server }, (performance.now() - startedMs) / 1000);
}
