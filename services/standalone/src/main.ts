import { z } from 'zod';
import { readConfigFile, readEnvironment, runService } from '#runtime';
import { startStandalone } from './standalone.js';

const environmentSchema = z.object({
  COUNTERSIGN_CONFIG: z.string().min(1).default('config/countersign.yaml'),
  COUNTERSIGN_DATA_DIR: z.string().min(1).default('.countersign'),
  COUNTERSIGN_HOST: z.string().min(1).default('127.0.0.1'),
  COUNTERSIGN_PORT: z.coerce.number().int().min(0).max(65_535).default(8080),
  COUNTERSIGN_LOG_LEVEL: z.enum(['debug', 'info', 'warn', 'error']).default('info'),
  DATABASE_URL: z.string().min(1).optional(),
});

await runService(async () => {
  const environment = readEnvironment(environmentSchema, process.env);
  return startStandalone({
    config: readConfigFile(environment.COUNTERSIGN_CONFIG),
    dataDir: environment.COUNTERSIGN_DATA_DIR,
    host: environment.COUNTERSIGN_HOST,
    port: environment.COUNTERSIGN_PORT,
    logLevel: environment.COUNTERSIGN_LOG_LEVEL,
    databaseUrl: environment.DATABASE_URL,
    environment: process.env,
  });
});
