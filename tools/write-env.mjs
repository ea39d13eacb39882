// Writes .env, the secrets of one installation with Docker Compose. What is there already is never changed:
// new secrets fit neither the volumes of the broker and the database nor the record's signatures.
//   node tools/write-env.mjs [--demo] [--file PATH]
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';

const { values: options } = parseArgs({
  options: { demo: { type: 'boolean', default: false }, file: { type: 'string', default: '.env' } },
});

/** A pair of Ed25519 keys: PEM in base64, so that each is one line. */
function signingKeys(service) {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const line = (key, type) => Buffer.from(key.export({ type, format: 'pem' })).toString('base64');
  return {
    [`COUNTERSIGN_${service}_KEY`]: line(privateKey, 'pkcs8'),
    [`COUNTERSIGN_${service}_PUBLIC_KEY`]: line(publicKey, 'spki'),
  };
}

const sealKey = () => randomBytes(32).toString('base64');
const password = () => randomBytes(24).toString('base64url');
/** Sixteen bytes, as Kafka wants them: it takes a leading dash for an option. */
const clusterId = () => {
  const id = randomBytes(16).toString('base64url');
  return id.startsWith('-') ? clusterId() : id;
};

const secrets = {
  ...signingKeys('POLICY'),
  ...signingKeys('APPROVAL'),
  ...signingKeys('AUDIT'),
  COUNTERSIGN_ARGUMENTS_KEY: sealKey(),
  COUNTERSIGN_ANSWERS_KEY: sealKey(),
  COUNTERSIGN_SESSION_KEY: sealKey(),
  COUNTERSIGN_PAGE_KEY: sealKey(),
  POSTGRES_PASSWORD: password(),
  POSTGRES_APPROVAL_PASSWORD: password(),
  POSTGRES_AUDIT_PASSWORD: password(),
  CLUSTER_ID: clusterId(),
  DEMO_ORDERS_TOKEN: password(),
};

/** Makes `docker compose up` start the demo. */
const demo = {
  COMPOSE_PROFILES: 'demo',
  COUNTERSIGN_CONFIG_DIR: './compose/demo',
  COUNTERSIGN_POLICIES_DIR: './demo/policies',
};

const { file } = options;
const wanted = options.demo ? { ...secrets, ...demo } : secrets;
const lines = Object.entries(wanted).map(([name, value]) => `${name}=${value}\n`);
try {
  writeFileSync(file, lines.join(''), { mode: 0o600, flag: 'wx' });
  console.log(`${file} written: new keys and passwords, readable by you alone.`);
} catch (error) {
  if (error.code !== 'EEXIST') throw error;
  reportExisting();
}

function reportExisting() {
  const text = readFileSync(file, 'utf8');
  const missing = Object.keys(wanted).filter((name) => !new RegExp(`^${name}=`, 'm').test(text));
  console.log(`${file} is there already and is left as it is.`);
  if (missing.length === 0) return;
  console.error(`It lacks ${missing.join(', ')}.`);
  process.exitCode = 1;
}
