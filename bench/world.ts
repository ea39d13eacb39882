import { readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Agent, request } from 'undici';
import { stringify } from 'yaml';
import { newSealKey, newSigningKey } from '#trust';
import { demoAudience, demoGroups, demoTenant } from '../demo/entra/identities.js';
import { freePort } from '../demo/free-port.js';
import { Program, startBuilt, startRole } from './programs.js';

/** What stands around every gateway: the upstream, and a token for it. */
export interface World {
  readonly folder: string;
  readonly upstream: Program;
  readonly entra: Program;
  readonly token: string;
}

const policy = {
  apiVersion: 'countersign/v1',
  kind: 'PolicyBundle',
  metadata: { name: 'bench', version: 1 },
  rules: [
    {
      id: 'echo',
      effect: 'allow',
      match: { server: 'bench', method: 'tools/call', tool: 'echo', groups: ['analysts'] },
    },
  ],
};

/** Starts the upstream and the stand-in for Entra. `folder` must be open to other users. */
export async function startWorld(folder: string): Promise<World> {
  const upstream = await startRole('upstream', 'upstream');
  await mkdir(join(folder, 'policies'));
  await writeFile(join(folder, 'policies', 'bench.yaml'), stringify(policy));
  await mkdir(join(folder, 'entra'));
  const entra = await startBuilt('demo/entra', {
    DEMO_ENTRA_PORT: String(await freePort()),
    DEMO_ENTRA_DATA_DIR: join(folder, 'entra'),
    DEMO_ENTRA_AUTHORITY_FILE: join(folder, 'authority.pem'),
  });
  return { folder, upstream, entra, token: await newToken(entra.url, folder) };
}

async function newToken(authority: string, folder: string): Promise<string> {
  const ca = readFileSync(join(folder, 'authority.pem'), 'utf8');
  const dispatcher = new Agent({ connect: { ca } });
  const { body } = await request(`${authority}/${demoTenant}/oauth2/v2.0/token`, {
    dispatcher,
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: 'identity=analyst',
  });
  const answer: { access_token: string } = JSON.parse(await body.text());
  await dispatcher.close();
  return answer.access_token;
}

/** Writes the configuration of a gateway on a free port, and gives the environment that names both. */
export async function gatewayEnvironment(world: World, name: string) {
  const port = await freePort();
  const file = join(world.folder, `${name}.yaml`);
  const config = {
    publicUrl: `http://127.0.0.1:${port}`,
    entra: {
      authority: world.entra.url,
      tenants: [demoTenant],
      audience: demoAudience,
      certificateAuthorityFile: join(world.folder, 'authority.pem'),
    },
    servers: { bench: { url: world.upstream.url } },
    groups: demoGroups,
    policies: join(world.folder, 'policies'),
  };
  await writeFile(file, stringify(config));
  return {
    COUNTERSIGN_CONFIG: file,
    COUNTERSIGN_PORT: String(port),
    COUNTERSIGN_LOG_LEVEL: 'warn',
  };
}

/** The keys of one installation, as the environment carries them. */
export function newKeys(): Record<string, string> {
  const line = (pem: string): string => Buffer.from(pem).toString('base64');
  const [policyKey, approval, audit] = [newSigningKey(), newSigningKey(), newSigningKey()];
  return {
    COUNTERSIGN_POLICY_KEY: line(policyKey.privateKey),
    COUNTERSIGN_POLICY_PUBLIC_KEY: line(policyKey.publicKey),
    COUNTERSIGN_APPROVAL_KEY: line(approval.privateKey),
    COUNTERSIGN_APPROVAL_PUBLIC_KEY: line(approval.publicKey),
    COUNTERSIGN_AUDIT_KEY: line(audit.privateKey),
    COUNTERSIGN_ARGUMENTS_KEY: newSealKey(),
    COUNTERSIGN_ANSWERS_KEY: newSealKey(),
    COUNTERSIGN_SESSION_KEY: newSealKey(),
  };
}
