import { z } from 'zod';
import { publicKeyOf } from '#trust';

/** The variables that every service reads. */
export const commonEnvironment = {
  COUNTERSIGN_CONFIG: z.string().min(1).default('config/countersign.yaml'),
  COUNTERSIGN_HOST: z.string().min(1).default('127.0.0.1'),
  COUNTERSIGN_LOG_LEVEL: z.enum(['debug', 'info', 'warn', 'error']).default('info'),
  /** Bootstrap addresses, separated by commas. */
  KAFKA_BROKERS: z
    .string()
    .min(1)
    .transform((text) => text.split(',').map((each) => each.trim())),
} as const;

/** A port to listen on; 0 takes a free one. */
export function portVariable(standard: number) {
  return z.coerce.number().int().min(0).max(65_535).default(standard);
}

/** A PEM, base64 so that it is one line; refused when it holds no key. */
export const pemVariable = z
  .string()
  .min(1)
  .transform((text) => Buffer.from(text, 'base64').toString('utf8'))
  .refine(holdsKey, { message: 'must be a PEM key, base64' });

/** 32 random bytes, base64. */
export const sealKeyVariable = z
  .string()
  .refine((text) => Buffer.from(text, 'base64').length === 32, {
    message: 'must be 32 bytes, base64',
  });

function holdsKey(pem: string): boolean {
  try {
    publicKeyOf(pem);
    return true;
  } catch {
    return false;
  }
}
