import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { LogRecord, OutgoingRecord } from '../event-log.js';
import { partitionOf } from './partition-of.js';
import { placeName } from './place-name.js';

// Asked for at run time: the bundler does not know this built-in module yet.
const sqlite = process.getBuiltinModule('node:sqlite');

const schema = `
  create table if not exists record (
    id integer primary key,
    slot integer not null,
    position integer not null,
    at integer not null,
    key text not null,
    headers text not null,
    value blob not null
  );
  create unique index if not exists record_position on record (slot, position);
  create table if not exists slot (
    slot integer primary key, topic text not null, partition integer not null, next integer not null,
    unique (topic, partition)
  );
  create table if not exists progress (
    reader text not null, slot integer not null, next integer not null,
    primary key (reader, slot)
  ) without rowid;
`;

/** SQLite's own. */
const pageBytes = 4096;

interface Slot {
  readonly id: number;
  readonly topic: string;
  readonly partition: number;
  next: number;
}

/**
 * Records in one SQLite file, write-ahead logged: a committed append survives the end of the process,
 * however it ends. One process at a time may hold the file.
 */
export class RecordStore {
  readonly #database: DatabaseSync;
  readonly #slots = new Map<string, Slot>();
  readonly #insert: StatementSync;
  readonly #advance: StatementSync;
  readonly #select: StatementSync;
  readonly #remember: StatementSync;

  /** @throws Error when another process holds the file or it is no database. */
  constructor(
    file: string,
    private readonly partitions: number,
    maxFileBytes = Number.POSITIVE_INFINITY,
  ) {
    this.#database = new sqlite.DatabaseSync(file);
    this.#database.exec('pragma locking_mode = exclusive');
    this.#database.exec('pragma journal_mode = wal; pragma synchronous = normal');
    this.#database.exec(schema);
    if (Number.isFinite(maxFileBytes)) {
      this.#database.exec(`pragma max_page_count = ${Math.ceil(maxFileBytes / pageBytes)}`);
    }
    this.#insert = this.#database.prepare(
      'insert into record (slot, position, at, key, headers, value) values (?, ?, ?, ?, ?, ?)',
    );
    this.#advance = this.#database.prepare('update slot set next = ? where slot = ?');
    this.#select = this.#database.prepare(
      'select position, at, key, headers, value from record where slot = ? and position >= ? order by position limit ?',
    );
    this.#remember = this.#database.prepare(
      'insert into progress (reader, slot, next) values (?, ?, ?) on conflict do update set next = excluded.next',
    );
    this.#loadSlots();
  }

  /** Appends all records in one transaction and returns them with their positions. */
  append(records: readonly OutgoingRecord[], nowMs: number): LogRecord[] {
    return this.#inTransaction(() =>
      records.map((record) => {
        const slot = this.#slot(record.topic, partitionOf(record.key, this.partitions));
        const position = slot.next++;
        const headers = JSON.stringify(record.headers);
        this.#insert.run(slot.id, position, nowMs, record.key, headers, record.value);
        const offset = BigInt(position);
        // A copy: what the caller does with its buffer afterwards must not reach a reader.
        const value = Buffer.from(record.value);
        return { ...record, value, partition: slot.partition, offset, timestampMs: nowMs };
      }),
    );
  }

  /** Records of a partition from `from` on, in order. */
  read(topic: string, partition: number, from: bigint, limit: number): LogRecord[] {
    const slot = this.#slot(topic, partition);
    return this.#select.all(slot.id, Number(from), limit).map((row) => ({
      topic,
      partition,
      offset: BigInt(Number(row['position'])),
      timestampMs: Number(row['at']),
      key: String(row['key']),
      value: bytesOf(row['value']),
      headers: headersOf(String(row['headers'])),
    }));
  }

  /** The position that the next record of a partition will get. */
  end(topic: string, partition: number): bigint {
    return BigInt(this.#slot(topic, partition).next);
  }

  /** Where a reader stopped; 0 for a new one. */
  progress(reader: string, topic: string, partition: number): bigint {
    const row = this.#database
      .prepare('select next from progress where reader = ? and slot = ?')
      .get(reader, this.#slot(topic, partition).id);
    return BigInt(row === undefined ? 0 : Number(row['next']));
  }

  /** Remembers where readers stopped, all in one transaction. */
  saveProgress(
    entries: readonly { reader: string; topic: string; partition: number; next: bigint }[],
  ): void {
    this.#inTransaction(() => {
      for (const { reader, topic, partition, next } of entries) {
        this.#remember.run(reader, this.#slot(topic, partition).id, Number(next));
      }
    });
  }

  /** Deletes what is older than `beforeMs` in a topic. */
  expire(topic: string, beforeMs: number): void {
    const sql =
      'delete from record where at < ? and slot in (select slot from slot where topic = ?)';
    this.#inTransaction(() => {
      this.#keepEnds(topic);
      this.#database.prepare(sql).run(beforeMs, topic);
    });
  }

  /** Keeps the newest record of each key in a topic. */
  compact(topic: string): void {
    this.#database
      .prepare(
        `delete from record where slot in (select slot from slot where topic = :topic) and id not in
         (select max(id) from record where slot in (select slot from slot where topic = :topic) group by key)`,
      )
      .run({ topic });
  }

  close(): void {
    this.#database.close();
  }

  /** A position is given once: the end of a partition outlives the deletion of its newest record. */
  #keepEnds(topic: string): void {
    for (const slot of this.#slots.values()) {
      if (slot.topic === topic) this.#advance.run(slot.next, slot.id);
    }
  }

  #loadSlots(): void {
    const sql = `select slot, topic, partition,
      max(next, coalesce((select max(position) + 1 from record r where r.slot = s.slot), 0)) as next
      from slot s`;
    const rows = this.#database.prepare(sql).all();
    for (const row of rows) {
      const slot: Slot = {
        id: Number(row['slot']),
        topic: String(row['topic']),
        partition: Number(row['partition']),
        next: Number(row['next']),
      };
      this.#slots.set(placeName(slot.topic, slot.partition), slot);
    }
  }

  #slot(topic: string, partition: number): Slot {
    const name = placeName(topic, partition);
    const known = this.#slots.get(name);
    if (known !== undefined) return known;
    const { lastInsertRowid } = this.#database
      .prepare('insert into slot (topic, partition, next) values (?, ?, 0)')
      .run(topic, partition);
    const slot: Slot = { id: Number(lastInsertRowid), topic, partition, next: 0 };
    this.#slots.set(name, slot);
    return slot;
  }

  #inTransaction<T>(work: () => T): T {
    this.#database.exec('begin immediate');
    try {
      const result = work();
      this.#database.exec('commit');
      return result;
    } catch (error) {
      // A disk that is full has ended the transaction already.
      if (this.#database.isTransaction) this.#database.exec('rollback');
      this.#slots.clear();
      this.#loadSlots();
      throw error;
    }
  }
}

function bytesOf(value: unknown): Buffer {
  if (value instanceof Uint8Array) return Buffer.from(value);
  throw new TypeError('the log file holds a record that is not bytes');
}

/** Written by this class alone, from string to string. */
function headersOf(text: string): Record<string, string> {
  const headers: Record<string, string> = JSON.parse(text);
  return headers;
}
