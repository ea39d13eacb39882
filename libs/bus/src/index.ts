export { Bus, TryAgainLater, type BusObserver, type BusOptions, type Mark } from './bus.js';
export {
  PublishError,
  type BatchHandler,
  type EventLog,
  type LogRecord,
  type PublishErrorCode,
  type StartAt,
} from './event-log.js';
export { InProcessLog, type InProcessLogOptions } from './in-process/in-process-log.js';
export { createTopics, type TopicLayout } from './kafka/create-topics.js';
export { KafkaLog } from './kafka/kafka-log.js';
export type { KafkaLogger, KafkaLogOptions } from './kafka/kafka-options.js';
