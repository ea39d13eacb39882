import type { LoggerService } from '@nestjs/common';
import { pino, type Level, type Logger } from 'pino';

/** Members whose values never reach a log line, wherever they stand. */
const secretPaths = ['authorization', 'token', 'password', 'secret', 'credential'].flatMap(
  (name) => [name, `*.${name}`],
);

/** Nest's log as one JSON line for each entry. */
export class JsonLogger implements LoggerService {
  readonly #pino: Logger;

  constructor(service: string, level: Level) {
    this.#pino = pino({ name: service, level, redact: secretPaths });
  }

  log(message: unknown, ...rest: unknown[]): void {
    this.#write('info', message, rest);
  }

  warn(message: unknown, ...rest: unknown[]): void {
    this.#write('warn', message, rest);
  }

  error(message: unknown, ...rest: unknown[]): void {
    this.#write('error', message, rest);
  }

  debug(message: unknown, ...rest: unknown[]): void {
    this.#write('debug', message, rest);
  }

  verbose(message: unknown, ...rest: unknown[]): void {
    this.#write('trace', message, rest);
  }

  fatal(message: unknown, ...rest: unknown[]): void {
    this.#write('fatal', message, rest);
  }

  /** Nest gives the context last. */
  #write(level: Level, message: unknown, rest: readonly unknown[]): void {
    const context = rest.at(-1);
    const named = typeof context === 'string' ? { context } : {};
    if (message instanceof Error) this.#pino[level]({ ...named, err: message }, message.message);
    else this.#pino[level](named, String(message));
  }
}
