import { createHmac, createPublicKey } from 'node:crypto';
import { get } from 'node:https';
import { z } from 'zod';
import { demoTenant } from '../../demo/entra/identities.js';
import type { StandInEntra } from '../../demo/entra/stand-in-entra.js';

const keysSchema = z.object({ keys: z.array(z.record(z.string(), z.string())).min(1) });

/** A token whose signature is left out, as `alg: none` would have it. */
export function unsigned(token: string, algorithm: string): string {
  const [, payload = ''] = token.split('.');
  return `${encoded({ typ: 'JWT', alg: algorithm })}.${payload}.`;
}

/** A token signed with the public key as if that were a shared secret. */
export async function signedWithPublicKey(token: string, entra: StandInEntra): Promise<string> {
  const [, payload = ''] = token.split('.');
  const { keys } = keysSchema.parse(JSON.parse(await fetchKeys(entra)));
  const [jwk = {}] = keys;
  const secret = createPublicKey({ key: jwk, format: 'jwk' }).export({
    type: 'spki',
    format: 'pem',
  });
  const signed = `${encoded({ typ: 'JWT', alg: 'HS256', kid: jwk['kid'] })}.${payload}`;
  return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`;
}

/** A token whose payload was changed after it was signed. */
export function altered(token: string, claims: Readonly<Record<string, unknown>>): string {
  const [header = '', payload = '', signature = ''] = token.split('.');
  const honest = z
    .record(z.string(), z.unknown())
    .parse(JSON.parse(Buffer.from(payload, 'base64url').toString('utf8')));
  return `${header}.${encoded({ ...honest, ...claims })}.${signature}`;
}

function encoded(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

async function fetchKeys(entra: StandInEntra): Promise<string> {
  const url = `${entra.authority}/${demoTenant}/discovery/v2.0/keys`;
  return new Promise((resolve, reject) => {
    get(url, { ca: entra.certificateAuthority }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (piece: string) => (text += piece));
      response.on('end', () => resolve(text));
    }).on('error', reject);
  });
}
