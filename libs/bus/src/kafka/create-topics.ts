import { setTimeout as pause } from 'node:timers/promises';
import type { Admin, ITopicConfig } from 'kafkajs';
import {
  deadLetterRetentionMs,
  deadLetterTopic,
  maxRecordBytes,
  partitionsPerTopic,
  topics,
  type Retention,
} from '#contracts';
import { withAdmin } from './kafka-admin.js';
import { deliberateClient } from './kafka-client.js';
import type { KafkaLogOptions } from './kafka-options.js';

/** How topics are laid out on the brokers; in production 3 and 2. */
export interface TopicLayout {
  /** Copies of each record. Default 1. */
  readonly replicationFactor?: number;
  /** Copies that must be written before an append is acknowledged. Default: one less than there are, at least 1. */
  readonly minInSyncReplicas?: number;
}

/** What a batch adds to its one record at most. */
const batchOverheadBytes = 65_536;
const leaderTries = 150;
const leaderPauseMs = 200;

/** Creates all topics of the contracts and their dead-letter topics. What exists is left as it is. */
export async function createTopics(
  options: Omit<KafkaLogOptions, 'publishDeadlineMs'>,
  layout: TopicLayout = {},
): Promise<void> {
  const deadLetters: Retention = { kind: 'delete', milliseconds: deadLetterRetentionMs };
  const wanted = Object.entries(topics).flatMap(([topic, retention]) => [
    topicOf(topic, retention, layout),
    topicOf(deadLetterTopic(topic), deadLetters, layout),
  ]);
  await withAdmin(deliberateClient(options), async (admin) => {
    const existing = new Set(await admin.listTopics());
    const missing = wanted.filter(({ topic }) => !existing.has(topic));
    if (missing.length > 0) await createAndWait(admin, missing);
  });
}

/** Creates topics and waits until all their partitions can be written. Another job may do the same. */
export async function createAndWait(admin: Admin, topics: readonly ITopicConfig[]): Promise<void> {
  await admin.createTopics({ topics: [...topics], waitForLeaders: false });
  // kafkajs's own wait fails where a broker has not heard of a new topic yet.
  for (let tries = 1; !(await haveLeaders(admin, topics)); tries += 1) {
    if (tries === leaderTries) throw new Error('the new topics have no leaders yet');
    await pause(leaderPauseMs);
  }
}

/** Asks the leaders themselves: metadata names a leader before that broker has heard of it. */
async function haveLeaders(admin: Admin, topics: readonly ITopicConfig[]): Promise<boolean> {
  try {
    for (const { topic } of topics) await admin.fetchTopicOffsets(topic);
    return true;
  } catch {
    return false;
  }
}

function topicOf(topic: string, retention: Retention, layout: TopicLayout): ITopicConfig {
  const replicationFactor = layout.replicationFactor ?? 1;
  const minInSync = layout.minInSyncReplicas ?? Math.max(1, replicationFactor - 1);
  return {
    topic,
    numPartitions: partitionsPerTopic,
    replicationFactor,
    configEntries: [
      { name: 'max.message.bytes', value: String(maxRecordBytes + batchOverheadBytes) },
      { name: 'min.insync.replicas', value: String(minInSync) },
      { name: 'unclean.leader.election.enable', value: 'false' },
      ...retentionEntries(retention),
    ],
  };
}

function retentionEntries(retention: Retention): { name: string; value: string }[] {
  if (retention.kind === 'delete') {
    return [
      { name: 'cleanup.policy', value: 'delete' },
      { name: 'retention.ms', value: String(retention.milliseconds) },
    ];
  }
  if (retention.milliseconds === undefined) return [{ name: 'cleanup.policy', value: 'compact' }];
  return [
    { name: 'cleanup.policy', value: 'compact,delete' },
    { name: 'retention.ms', value: String(retention.milliseconds) },
  ];
}
