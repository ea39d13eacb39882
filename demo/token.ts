import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { Agent, request } from 'undici';
import { z } from 'zod';
import { demoIdentities, demoTenant } from './entra/identities.js';

const noteSchema = z.object({ authority: z.url(), certificateAuthority: z.string() });
const answerSchema = z.object({ access_token: z.string() });

const [identity = ''] = process.argv.slice(2);

try {
  const note = noteSchema.parse(
    JSON.parse(await readFile(resolve('.countersign/demo.json'), 'utf8')),
  );
  const { body, statusCode } = await request(`${note.authority}/${demoTenant}/oauth2/v2.0/token`, {
    method: 'POST',
    dispatcher: new Agent({ connect: { ca: note.certificateAuthority } }),
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({ identity }).toString(),
  });
  if (statusCode === 200) {
    process.stdout.write(`${answerSchema.parse(await body.json()).access_token}\n`);
  } else {
    process.stderr.write(`Name one of: ${Object.keys(demoIdentities).join(', ')}.\n`);
    process.exitCode = 2;
  }
} catch {
  process.stderr.write('The demo does not run here. Start it with: npm run demo\n');
  process.exitCode = 1;
}
