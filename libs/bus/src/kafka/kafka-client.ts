import { connect as connectPlain, isIP } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { Kafka, logLevel, type ISocketFactory, type KafkaConfig, type RetryOptions } from 'kafkajs';
import { patchEncoder } from './encoder-patch.js';
import { patchIdleTimer } from './idle-timer-patch.js';
import type { KafkaLogger, KafkaLogLevel, KafkaLogOptions } from './kafka-options.js';

/** Refuses within about two seconds: for publishing, where somebody waits. */
const failFast = {
  requestTimeout: 1000,
  connectionTimeout: 500,
  // One retry is the least that an idempotent producer accepts.
  retry: { retries: 1, initialRetryTime: 50, maxRetryTime: 200, factor: 0.2, multiplier: 2 },
} satisfies Partial<KafkaConfig>;

/**
 * Goes on as the same group member through any outage. A member that gives up rejoins as a new one
 * and waits until the session of the old one has run out.
 */
const patient = {
  connectionTimeout: 1000,
  retry: {
    retries: 1_000_000,
    initialRetryTime: 100,
    maxRetryTime: 1000,
    factor: 0.2,
    multiplier: 2,
  },
} satisfies Partial<KafkaConfig>;

/** For work that nobody waits for by the second, such as the creation of topics. */
const deliberate = {
  requestTimeout: 15_000,
  connectionTimeout: 1000,
  retry: { retries: 3, initialRetryTime: 100, maxRetryTime: 1000, factor: 0.2, multiplier: 2 },
} satisfies Partial<KafkaConfig>;

const keepAliveMs = 30_000;

/** A kafkajs client for publishing: gives up soon. */
export function failFastClient(options: KafkaLogOptions): Kafka {
  return clientOf(options, failFast);
}

/** A kafkajs client for administration: waits for a busy broker, but gives up. */
export function deliberateClient(options: KafkaLogOptions): Kafka {
  return clientOf(options, deliberate);
}

/** A kafkajs client for one consumer: endures. One for each, since its members share their offsets. */
export function patientClient(options: KafkaLogOptions): Kafka {
  return clientOf(options, patient);
}

/** Retries of a consumer; a crash is answered by our own restart, with a new consumer object. */
export const consumerRetry: RetryOptions = {
  ...patient.retry,
  restartOnFailure: async () => false,
};

function clientOf(options: KafkaLogOptions, temper: Partial<KafkaConfig>): Kafka {
  patchIdleTimer();
  patchEncoder();
  return new Kafka({
    ...temper,
    clientId: options.clientId ?? 'countersign',
    brokers: rotated(options.brokers),
    socketFactory: promptSocket,
    logLevel: options.logger === undefined ? logLevel.WARN : logLevel.INFO,
    logCreator: () => forward(options.logger ?? toConsole),
    ...(options.ssl === undefined ? {} : { ssl: options.ssl }),
    ...(options.sasl === undefined ? {} : { sasl: options.sasl }),
  });
}

let turn = 0;

/**
 * Begins at another bootstrap address for each client: kafkajs begins at the first one given, and a
 * client that begins at a broker which accepts connections without answering fails until it answers.
 */
function rotated(brokers: readonly string[]): string[] {
  const first = turn++ % Math.max(1, brokers.length);
  return [...brokers.slice(first), ...brokers.slice(0, first)];
}

/** Small requests must not wait for each other's acknowledgements, and a dead peer must be noticed. */
const promptSocket: ISocketFactory = ({ host, port, ssl, onConnect }) => {
  const servername = isIP(host) ? {} : { servername: host };
  const socket = isTls(ssl)
    ? connectTls({ host, port, ...servername, ...ssl }, onConnect)
    : connectPlain({ host, port }, onConnect);
  socket.setNoDelay(true);
  socket.setKeepAlive(true, keepAliveMs);
  return socket;
};

/** Declared as TLS options, but kafkajs passes on what it was given: also `true`, or nothing. */
function isTls(ssl: unknown): boolean {
  return Boolean(ssl);
}

const levelNames: Readonly<Record<number, KafkaLogLevel>> = {
  [logLevel.ERROR]: 'error',
  [logLevel.WARN]: 'warn',
  [logLevel.INFO]: 'info',
};

/** Said at every start of a producer about a limit that is on purpose. */
const knownNoise = 'Limiting retries for the idempotent producer';

function forward(logger: KafkaLogger) {
  return ({
    namespace,
    level,
    log,
  }: {
    namespace: string;
    level: number;
    log: object & { message: string };
  }) => {
    if (log.message.startsWith(knownNoise)) return;
    const { message, ...detail } = log;
    logger(levelNames[level] ?? 'error', message, { namespace, ...detail });
  };
}

const toConsole: KafkaLogger = (level, message, detail) => {
  console[level](`kafka: ${message}`, detail['error'] ?? '');
};
