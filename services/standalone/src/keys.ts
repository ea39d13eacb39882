import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { newSealKey, newSigningKey } from '#trust';

const keysSchema = z.object({
  policy: z.object({ privateKey: z.string(), publicKey: z.string() }),
  approval: z.object({ privateKey: z.string(), publicKey: z.string() }),
  audit: z.object({ privateKey: z.string(), publicKey: z.string() }),
  arguments: z.string(),
  answers: z.string(),
  session: z.string(),
  page: z.string(),
});

const olderSchema = keysSchema.partial({ page: true });

/** The keys of one installation. */
export type Keys = z.infer<typeof keysSchema>;

/** The keys in a data folder, made at the first start and readable by the owner alone. */
export function keysIn(folder: string): Keys {
  const file = join(folder, 'keys.json');
  if (existsSync(file)) return keptIn(file);
  const keys: Keys = {
    policy: newSigningKey(),
    approval: newSigningKey(),
    audit: newSigningKey(),
    arguments: newSealKey(),
    answers: newSealKey(),
    session: newSealKey(),
    page: newSealKey(),
  };
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  writeFileSync(file, JSON.stringify(keys, null, 2), { mode: 0o600, flag: 'wx' });
  return keys;
}

/** The keys of an installation that is there; one of an earlier version gets what it lacks. */
function keptIn(file: string): Keys {
  const kept = olderSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
  if (kept.page !== undefined) return { ...kept, page: kept.page };
  const keys = { ...kept, page: newSealKey() };
  writeFileSync(`${file}.new`, JSON.stringify(keys, null, 2), { mode: 0o600 });
  renameSync(`${file}.new`, file);
  return keys;
}
