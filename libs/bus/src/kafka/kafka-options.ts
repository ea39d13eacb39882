import type { ConnectionOptions } from 'node:tls';
import type { SASLOptions } from 'kafkajs';

/** How serious a line of the client's log is. */
export type KafkaLogLevel = 'error' | 'warn' | 'info';

/** Takes the lines that the client logs. */
export type KafkaLogger = (
  level: KafkaLogLevel,
  message: string,
  detail: Readonly<Record<string, unknown>>,
) => void;

/** How to reach the brokers, and the limits of publishing and reading. All but `brokers` have defaults. */
export interface KafkaLogOptions {
  /** Bootstrap addresses, `host:port`. */
  readonly brokers: readonly string[];
  /** How the broker names this process in its log. Default `countersign`. */
  readonly clientId?: string;
  readonly ssl?: ConnectionOptions | boolean;
  readonly sasl?: SASLOptions;
  /** From the call of `append` to its refusal at the latest, in milliseconds. Default 3000. */
  readonly publishDeadlineMs?: number;
  /** Appends that may wait at once before `QUEUE_FULL`. Default 10 000. */
  readonly maxQueuedRecords?: number;
  /** Largest record in bytes: key, value and headers. Default: what the topics allow. */
  readonly maxRecordBytes?: number;
  /** How long a member may be silent before the others get its partitions, in milliseconds. Default 10 000. */
  readonly sessionMs?: number;
  /** Longest wait of a fetch for new records, in milliseconds; a rebalance is noticed no sooner. Default 250. */
  readonly maxWaitMs?: number;
  /** How long `subscribe` tries to get its partitions, in milliseconds. Default 60 000. */
  readonly joinDeadlineMs?: number;
  /** Default: warnings and errors go to the console, the rest nowhere. */
  readonly logger?: KafkaLogger;
}
