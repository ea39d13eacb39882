import { X509Certificate } from 'node:crypto';
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { portVariable, readEnvironment, stopOnSignals } from '#runtime';
import { type Certificates, makeCertificates } from './certificates.js';
import { demoPageApp } from './identities.js';
import { startStandInEntra } from './stand-in-entra.js';

/** Certificates that end sooner than this are replaced at the next start. */
const leastLifeMs = 7 * 24 * 60 * 60_000;

const certificatesSchema = z.object({
  authority: z.string(),
  certificate: z.string(),
  privateKey: z.string(),
});

const environment = readEnvironment(
  z.object({
    DEMO_ENTRA_HOST: z.string().min(1).default('127.0.0.1'),
    DEMO_ENTRA_PORT: portVariable(8443),
    /** The name in the issuer of every token: the one under which the gateway reaches this program. */
    DEMO_ENTRA_PUBLIC_HOST: z.string().min(1).default('localhost'),
    /** Keeps the certificates, so that whoever trusts them still does after a restart. */
    DEMO_ENTRA_DATA_DIR: z.string().min(1),
    /** Where to write the certificate that others have to trust; it holds no secret. */
    DEMO_ENTRA_AUTHORITY_FILE: z.string().min(1),
    /** Addresses, with commas between, at which the approval page gets people back. */
    DEMO_ENTRA_PAGE_REDIRECTS: z
      .string()
      .default('http://localhost:8080/approvals/callback')
      .transform((list) => list.split(',').map((each) => each.trim())),
    /** Port of the sign-in pages on plain HTTP, and the address at which browsers reach it. */
    DEMO_ENTRA_SIGN_IN_PORT: portVariable(8444),
    DEMO_ENTRA_SIGN_IN_URL: z.url({ protocol: /^https?$/ }).optional(),
  }),
  process.env,
);

const certificates = await certificatesIn(environment.DEMO_ENTRA_DATA_DIR);
writeWhole(environment.DEMO_ENTRA_AUTHORITY_FILE, certificates.authority, 0o644);
const entra = await startStandInEntra({
  host: environment.DEMO_ENTRA_HOST,
  port: environment.DEMO_ENTRA_PORT,
  publicHost: environment.DEMO_ENTRA_PUBLIC_HOST,
  certificates,
  signIn: { port: environment.DEMO_ENTRA_SIGN_IN_PORT, url: environment.DEMO_ENTRA_SIGN_IN_URL },
  applications: [{ clientId: demoPageApp, redirectUris: environment.DEMO_ENTRA_PAGE_REDIRECTS }],
});
stopOnSignals(entra);
process.stdout.write(`ready ${entra.authority}\n`);

async function certificatesIn(folder: string): Promise<Certificates> {
  const file = join(folder, 'certificates.json');
  const kept = existsSync(file)
    ? certificatesSchema.parse(JSON.parse(readFileSync(file, 'utf8')))
    : undefined;
  if (kept !== undefined && servesLonger(kept.certificate)) return kept;
  const made = await makeCertificates([environment.DEMO_ENTRA_PUBLIC_HOST]);
  writeWhole(file, JSON.stringify(made, null, 2), 0o600);
  return made;
}

function servesLonger(pem: string): boolean {
  const certificate = new X509Certificate(pem);
  const endsMs = certificate.validToDate.getTime();
  const isForHost = certificate.checkHost(environment.DEMO_ENTRA_PUBLIC_HOST) !== undefined;
  return isForHost && endsMs - Date.now() > leastLifeMs;
}

/** Whoever reads the file meanwhile sees the old or the new one, never a part. */
function writeWhole(file: string, text: string, mode: number): void {
  writeFileSync(`${file}.new`, text, { mode });
  renameSync(`${file}.new`, file);
}
