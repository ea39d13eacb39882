import { setTimeout as pause } from 'node:timers/promises';
import type { EachBatchPayload, KafkaMessage } from 'kafkajs';
import type {
  Position,
  Delivery,
  LogRecord,
  Subscription,
  SubscriptionOptions,
} from '../event-log.js';
import { GroupMember } from './group-member.js';
import { endsOf, isAnswering } from './kafka-admin.js';
import type { KafkaLogOptions } from './kafka-options.js';
import { Lanes } from './lanes.js';
import { PartitionProgress } from './partition-progress.js';

const commitEveryMs = 500;
const joinPauseMs = 250;
/** Longer than the others need to notice that a member of the group has died. */
const longestJoinMs = 60_000;
const watchEveryMs = 500;
/** Records of one partition in hand before it is no longer fetched. */
const maxInHand = 2000;
/** How long a full partition may hold up the others of its broker before it is set aside. */
const patienceMs = 100;
/** What a machine may be late without anything being wrong. */
const slackMs = 2000;
const answersForMs = 5000;

/**
 * A reader of a group that outlives its kafkajs consumer.
 *
 * Guarantees: records of one key in order, keys side by side; the group remembers only positions before
 * which everything is finished; a slow or failing handler holds up its own key and nothing else, since
 * fetching goes on until too much is in hand; a crash or a stall is answered by a new member.
 */
export class KafkaConsumer implements Subscription {
  readonly #lanes: Lanes;
  readonly #progress = new Map<string, PartitionProgress>();
  readonly #starts = new Map<string, Position>();
  #member: GroupMember | undefined;
  #joining: Promise<void> | undefined;
  #committing: Promise<void> | undefined;
  #lastFailure: unknown;
  #answersSince: number | undefined;
  #isProbing = false;
  #timers: NodeJS.Timeout[] = [];
  readonly #closing = new AbortController();
  #closed: Promise<void> | undefined;

  constructor(
    private readonly options: KafkaLogOptions,
    private readonly reading: SubscriptionOptions,
    delivery: Delivery,
  ) {
    this.#lanes = new Lanes(delivery);
  }

  /**
   * Resolves when the partitions are assigned and being read.
   * @throws Error when that cannot be had within `joinDeadlineMs`: no broker, no such topic.
   */
  async start(): Promise<void> {
    const hasJoined = await isDoneWithin(
      this.options.joinDeadlineMs ?? 60_000,
      this.#beginToJoin(),
    );
    if (!hasJoined || this.#isClosing()) {
      await this.close();
      const cause = this.#lastFailure;
      throw new Error(`group ${this.reading.group} did not get its partitions in time`, { cause });
    }
    if (this.reading.startAt === 'committed') {
      this.#timers.push(setInterval(() => this.#commit(), commitEveryMs));
    }
    this.#timers.push(setInterval(() => this.#watch(), watchEveryMs));
  }

  isLive(): boolean {
    return !this.#isClosing() && this.#silentForMs() < this.#silenceLimitMs();
  }

  async close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  /** Tries until this is a member of its group, or closed. Never rejects. */
  async #joinAtLast(): Promise<void> {
    while (!this.#isClosing()) {
      try {
        await this.#findStart();
        await this.#join();
        return;
      } catch (error) {
        this.#lastFailure = error;
        this.#member?.leave().catch(() => undefined);
        await pause(joinPauseMs, undefined, { signal: this.#closing.signal }).catch(
          () => undefined,
        );
      }
    }
  }

  /** Also makes sure that a broker answers: the patient client would try in silence, and could not be stopped. */
  async #findStart(): Promise<void> {
    const isNew = this.reading.startAt === 'end' && this.#starts.size === 0;
    const ends = await endsOf(this.options, isNew ? this.reading.topics : []);
    for (const end of ends) this.#starts.set(nameOf(end.topic, end.partition), end);
  }

  async #join(): Promise<void> {
    // A member that was replaced may still be speaking; nothing that it says counts.
    const isPresent = () => this.#member === member;
    const member: GroupMember = new GroupMember(this.options, this.reading, {
      assigned: (partitions) => isPresent() && this.#assign(member, partitions),
      fetched: async (payload) => (isPresent() ? this.#take(payload) : undefined),
      rebalancing: () => isPresent() && this.#commit(),
      crashed: () => this.#restart(member),
    });
    this.#member = member;
    const joined = member.join(this.reading.topics);
    const hasAnswer = await isDoneWithin(longestJoinMs, joined);
    if (!hasAnswer) throw new Error('joining has come to nothing');
    await joined;
  }

  /** Keeps what it goes on reading, in its place; gives up what others read now. */
  #assign(member: GroupMember, partitions: Readonly<Record<string, readonly number[]>>): void {
    const assigned = new Set<string>();
    for (const [topic, numbers] of Object.entries(partitions)) {
      for (const partition of numbers) {
        const name = nameOf(topic, partition);
        assigned.add(name);
        const known = this.#progress.get(name) ?? new PartitionProgress();
        this.#progress.set(name, known);
        const next = known.next ?? this.#starts.get(name)?.next;
        if (next !== undefined) member.seek({ topic, partition, next });
      }
    }
    for (const [name, progress] of this.#progress) {
      if (assigned.has(name)) continue;
      progress.revoke();
      this.#progress.delete(name);
    }
  }

  async #take(payload: EachBatchPayload): Promise<void> {
    const { batch } = payload;
    const progress = this.#progressOf(batch.topic, batch.partition, BigInt(batch.highWatermark));
    if (progress === undefined || this.#isClosing()) {
      // Left unresolved for the next owner; without the wait it would be fetched again at once.
      await pause(patienceMs);
      return;
    }
    for (const message of batch.messages) {
      const record = recordOf(batch.topic, batch.partition, message);
      if (progress.take(record.offset)) this.#lanes.push(record, progress);
    }
    const last = batch.messages.at(-1);
    if (last !== undefined) payload.resolveOffset(last.offset);
    if (progress.inHand > maxInHand) await this.#holdBack(payload, progress);
  }

  #progressOf(topic: string, partition: number, end: bigint): PartitionProgress | undefined {
    const name = nameOf(topic, partition);
    const known = this.#progress.get(name);
    if (known?.next === undefined || known.next <= end) return known;
    // The log is shorter than what was read of it: it was made anew, and its offsets say nothing now.
    known.revoke();
    const fresh = new PartitionProgress();
    this.#progress.set(name, fresh);
    return fresh;
  }

  /** A handler that is merely busy is waited for; a partition that stays full is no longer fetched. */
  async #holdBack(payload: EachBatchPayload, progress: PartitionProgress): Promise<void> {
    const hasRoom = progress.atMost(maxInHand / 2);
    const isFull = await Promise.race([hasRoom.then(() => false), pause(patienceMs, true)]);
    if (!isFull) return;
    const resume = payload.pause();
    void hasRoom.then(resume);
  }

  /** Un-awaited: reading never waits for it. One at a time; what it misses the next one saves. */
  #commit(): void {
    this.#committing ??= this.#commitMoved()
      .catch(() => undefined)
      .finally(() => {
        this.#committing = undefined;
      });
  }

  async #commitMoved(): Promise<void> {
    if (this.reading.startAt === 'end') return;
    const moved = [...this.#progress].flatMap(([name, progress]) => {
      const next = progress.unsaved();
      return next === undefined ? [] : [{ ...placeOf(name), next, progress }];
    });
    if (moved.length === 0 || this.#member === undefined) return;
    await this.#member.commit(moved);
    for (const { progress, next } of moved) progress.save(next);
  }

  #silentForMs(): number {
    return this.#member?.silentForMs() ?? Number.POSITIVE_INFINITY;
  }

  #silenceLimitMs(): number {
    const waitMs = this.reading.gatherMs || (this.options.maxWaitMs ?? 250);
    return 3 * waitMs + slackMs;
  }

  /**
   * A silent member is replaced only while brokers answer others: during an outage the old one is the
   * best there is, since it goes on at once where a new one would wait for the old one's session.
   */
  #watch(): void {
    if (this.#silentForMs() < this.#silenceLimitMs() || this.#joining !== undefined) {
      this.#answersSince = undefined;
      return;
    }
    const sessionMs = this.options.sessionMs ?? 10_000;
    const hasAnsweredForMs = performance.now() - (this.#answersSince ?? performance.now());
    if (hasAnsweredForMs > answersForMs && this.#silentForMs() > sessionMs + slackMs) {
      this.#answersSince = undefined;
      if (this.#member !== undefined) this.#restart(this.#member);
    } else if (!this.#isProbing) void this.#probe();
  }

  async #probe(): Promise<void> {
    this.#isProbing = true;
    if (!(await isAnswering(this.options))) this.#answersSince = undefined;
    else this.#answersSince ??= performance.now();
    this.#isProbing = false;
  }

  #restart(member: GroupMember): void {
    if (this.#isClosing() || this.#member !== member || this.#joining !== undefined) return;
    void member.leave().catch(() => undefined);
    void this.#beginToJoin();
  }

  async #beginToJoin(): Promise<void> {
    this.#joining ??= this.#joinAtLast().finally(() => {
      this.#joining = undefined;
    });
    return this.#joining;
  }

  async #close(): Promise<void> {
    this.#closing.abort();
    for (const timer of this.#timers) clearInterval(timer);
    // The member stays in the group meanwhile, so that nobody else begins what is in hand.
    await this.#lanes.stop();
    await isDoneWithin(slackMs, this.#committing ?? Promise.resolve());
    await isDoneWithin(slackMs, this.#commitMoved());
    await isDoneWithin(2 * slackMs, this.#member?.leave() ?? Promise.resolve());
  }

  #isClosing(): boolean {
    return this.#closing.signal.aborted;
  }
}

function recordOf(topic: string, partition: number, message: KafkaMessage): LogRecord {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(message.headers ?? {})) {
    const last = Array.isArray(value) ? value.at(-1) : value;
    if (last !== undefined) headers[name] = last.toString();
  }
  return {
    topic,
    partition,
    offset: BigInt(message.offset),
    timestampMs: Number(message.timestamp),
    key: message.key?.toString() ?? '',
    value: message.value ?? Buffer.alloc(0),
    headers,
  };
}

function nameOf(topic: string, partition: number): string {
  return `${topic}/${partition}`;
}

function placeOf(name: string): { topic: string; partition: number } {
  const at = name.lastIndexOf('/');
  return { topic: name.slice(0, at), partition: Number(name.slice(at + 1)) };
}

/** Waits for work, but not for ever. A failure counts as an end. */
async function isDoneWithin(milliseconds: number, work: Promise<unknown>): Promise<boolean> {
  const waiting = new AbortController();
  const tooLate = pause(milliseconds, false, { signal: waiting.signal }).catch(() => false);
  const done = work.then(
    () => true,
    () => true,
  );
  const isDone = await Promise.race([done, tooLate]);
  waiting.abort();
  return isDone;
}
