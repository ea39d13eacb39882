import 'reflect-metadata';
import { type DynamicModule, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { MicroserviceOptions } from '@nestjs/microservices';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { json } from 'express';
import type { Level } from 'pino';
import type { Bus, EventLog } from '#bus';
import { HealthController, Readiness } from './health.controller.js';
import { JsonLogger } from './logger.js';
import { ProblemFilter } from './problem.js';

/** What a process is made of. */
export interface ServiceSettings {
  readonly name: string;
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  readonly logLevel: Level;
  readonly modules: readonly DynamicModule[];
  /** One for each service in the process. */
  readonly buses: readonly Bus[];
  /** Checks besides the buses; all must hold. */
  readonly checks?: (app: NestExpressApplication) => readonly Readiness[];
}

/** A process that runs. */
export interface RunningService {
  readonly url: string;
  readonly app: NestExpressApplication;
  /** Resolves once the buses read: from then on the service can be ready. */
  readonly listening: Promise<void>;
  close(): Promise<void>;
}

/** A refused request must be small, a slow one must end; milliseconds. */
const headersTimeoutMs = 10_000;
const requestTimeoutMs = 60_000;
/** How long answers in hand may take at shutdown, milliseconds. */
const drainMs = 5000;
const maxRestBody = '256kb';

@Module({})
class ServiceRoot {}

/**
 * Starts a process: HTTP first (alive, not ready, refusing), then the buses, however long the broker
 * takes to come up. @throws Error when a module or the port cannot be had.
 */
export async function startService(settings: ServiceSettings): Promise<RunningService> {
  const root = rootModule(settings);
  const app = await NestFactory.create<NestExpressApplication>(root.module, {
    bodyParser: false,
    abortOnError: false,
    logger: new JsonLogger(settings.name, settings.logLevel),
  });
  app.disable('x-powered-by');
  app.disable('etag');
  app.useGlobalFilters(new ProblemFilter());
  app.use('/v1', json({ limit: maxRestBody, strict: true }));
  root.addChecks(settings.checks?.(app) ?? []);
  for (const strategy of settings.buses) app.connectMicroservice<MicroserviceOptions>({ strategy });
  await app.listen(settings.port, settings.host);
  const server = app.getHttpServer();
  server.headersTimeout = headersTimeoutMs;
  server.requestTimeout = requestTimeoutMs;
  const listening = app.startAllMicroservices().then(() => undefined);
  return {
    url: urlOf(settings.host, server.address()),
    app,
    listening,
    close: async () => close(app),
  };
}

/** The same service, whose log is closed after it. */
export function withLog(service: RunningService, log: EventLog): RunningService {
  const close = async (): Promise<void> => {
    await service.close();
    await log.close();
  };
  return { ...service, close };
}

/** Closes the service at the first SIGTERM or SIGINT; a second one ends the process at once. */
export function stopOnSignals(service: Pick<RunningService, 'close'>): void {
  let isStopping = false;
  const stop = (): void => {
    if (isStopping) process.exit(1);
    isStopping = true;
    service.close().then(
      () => process.exit(0),
      (error: unknown) => {
        process.stderr.write(`the shutdown failed: ${String(error)}\n`);
        process.exit(1);
      },
    );
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
}

function rootModule(settings: ServiceSettings) {
  const checks: Readiness[] = [];
  const readiness: Readiness = {
    isReady: async () => {
      if (!settings.buses.every((bus) => bus.isReady())) return false;
      const results = await Promise.all(checks.map(async (check) => check.isReady()));
      return results.every(Boolean);
    },
  };
  const module: DynamicModule = {
    module: ServiceRoot,
    imports: [...settings.modules],
    controllers: [HealthController],
    providers: [{ provide: Readiness, useValue: readiness }],
  };
  return { module, addChecks: (more: readonly Readiness[]) => void checks.push(...more) };
}

/** Connections that do not end by themselves are cut, so that a shutdown always ends. */
async function close(app: NestExpressApplication): Promise<void> {
  const server = app.getHttpServer();
  const timer = setTimeout(() => server.closeAllConnections(), drainMs);
  try {
    await app.close();
  } finally {
    clearTimeout(timer);
  }
}

function urlOf(host: string, address: unknown): string {
  const port =
    typeof address === 'object' && address !== null && 'port' in address ? address.port : '';
  const name = host === '0.0.0.0' || host === '::' ? 'localhost' : host;
  return `http://${name}:${String(port)}`;
}
