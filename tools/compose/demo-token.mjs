// Prints a bearer token for an identity of the demo that Docker Compose runs:
//   node tools/compose/demo-token.mjs analyst
import { execFileSync } from 'node:child_process';
import { request } from 'node:https';
import { argv } from 'node:process';
import { text } from 'node:stream/consumers';

const tenant = '11111111-2222-4333-8444-555555555555';

/** A token from the stand-in for Entra. `compose` are the words that begin each Compose command. */
export async function demoToken(identity, compose = ['docker', 'compose']) {
  const [program, ...words] = compose;
  const run = (...more) =>
    execFileSync(program, [...words, ...more], { encoding: 'utf8', stdio: 'pipe' }).trim();
  const ca = run('exec', '-T', 'entra', 'cat', '/run/countersign-demo/authority.pem');
  const published = run('port', 'entra', '8443');
  const { status, body } = await postForm(`https://${published}/${tenant}/oauth2/v2.0/token`, ca, {
    identity,
  });
  if (status === 200) return body.access_token;
  throw new Error(`no token for "${identity}": ${JSON.stringify(body)}`);
}

/** fetch takes no certificate authority of its own, so this is node:https. */
async function postForm(url, ca, fields) {
  const response = await new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    request(url, { method: 'POST', ca, headers, timeout: 10_000 }, resolve)
      .on('timeout', function () {
        this.destroy(new Error('the stand-in for Entra does not answer'));
      })
      .on('error', reject)
      .end(new URLSearchParams(fields).toString());
  });
  return { status: response.statusCode, body: JSON.parse(await text(response)) };
}

if (import.meta.filename === argv[1]) {
  try {
    process.stdout.write(`${await demoToken(argv[2] ?? '')}\n`);
  } catch (error) {
    console.error(error.message);
    process.exitCode = 1;
  }
}
