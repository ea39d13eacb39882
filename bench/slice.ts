/** How long and with how many callers at once something is called: until both limits are reached. */
export interface Job {
  readonly callers: number;
  readonly seconds: number;
  readonly calls: number;
}

/** What one run of calls showed; times in milliseconds, of calls that were answered rightly. */
export interface Slice {
  readonly calls: number;
  readonly errors: number;
  readonly firstError: string | undefined;
  readonly p50: number;
  readonly p99: number;
  readonly perSecond: number;
}

/** Each caller makes its next call when the last one has ended. `call` rejects for a wrong answer. */
async function runSlice(job: Job, call: () => Promise<void>): Promise<Slice> {
  const times: number[] = [];
  let begun = 0;
  let errors = 0;
  let firstError: string | undefined;
  const startMs = performance.now();
  const endMs = startMs + job.seconds * 1000;
  const work = async (): Promise<void> => {
    for (let nowMs = startMs; nowMs < endMs || begun < job.calls; nowMs = performance.now()) {
      begun += 1;
      try {
        await call();
        times.push(performance.now() - nowMs);
      } catch (error) {
        errors += 1;
        firstError ??= String(error);
      }
    }
  };
  await Promise.all(Array.from({ length: job.callers }, work));
  const seconds = (performance.now() - startMs) / 1000;
  times.sort((one, other) => one - other);
  const at = (share: number): number => times[Math.floor(times.length * share)] ?? Number.NaN;
  return {
    calls: times.length,
    errors,
    firstError,
    p50: at(0.5),
    p99: at(0.99),
    perSecond: times.length / seconds,
  };
}

/** Serves jobs that the bench sends to this process, one after another. */
export function serveJobs(call: (callers: number) => Promise<() => Promise<void>>): void {
  process.on('message', (job: Job) => {
    void call(job.callers)
      .then(async (once) => runSlice(job, once))
      .then((slice) => process.send?.({ slice }));
  });
  process.once('disconnect', () => process.exit(0));
}
