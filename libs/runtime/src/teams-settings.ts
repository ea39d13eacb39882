import { createPrivateKey, X509Certificate } from 'node:crypto';
import { accessSync, constants, readFileSync } from 'node:fs';
import type { AppCredential } from '#identity';
import { ConfigError } from './config-file.js';
import type { TeamsConfig } from './teams-config.js';

type Environment = Readonly<Record<string, string | undefined>>;

/** What {@link checkedTeams} looks at of `countersign.yaml`. */
export interface TeamsSource {
  readonly teams: TeamsConfig;
  readonly entra: { readonly tenants: readonly string[] };
  /** Names of group object ids. */
  readonly groups: Readonly<Record<string, string>>;
}

/** The section `teams` with its names resolved, its tenant filled in and its credential. */
export interface CheckedTeams extends Omit<
  TeamsConfig,
  'tenant' | 'post' | 'people' | 'serviceHosts'
> {
  readonly tenant: string;
  readonly serviceHosts: readonly string[];
  /** Groups by object id. */
  readonly post: readonly { readonly groups: readonly string[]; readonly conversation: string }[];
  /** Group object id to object ids of people. */
  readonly people: Readonly<Record<string, readonly string[]>>;
  readonly credential: AppCredential;
}

/** Variables by which other bots are told to take anybody's word. Whoever sets one expects what never happens here. */
const skipsAuthentication =
  /SKIP_?AUTH|AUTH_?SKIP|ALLOW_UNAUTHENTICATED|DISABLE_?AUTH|AUTH(ENTICATION)?_?DISABLED|NO_?AUTH$/i;
const off = new Set(['', '0', 'false', 'no', 'off']);

const groupId = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/**
 * The settings of Teams, complete.
 * @throws ConfigError that names every mistake: a group without a name, no credential or several, a file that cannot
 * be read, a variable that would skip authentication. Never a value of a secret.
 */
export function checkedTeams(source: TeamsSource, environment: Environment): CheckedTeams {
  const mistakes: string[] = [];
  const { teams, entra, groups } = source;
  const tenant = teams.tenant ?? entra.tenants[0] ?? '';
  if (!entra.tenants.includes(tenant)) mistakes.push('teams.tenant: must be one of entra.tenants');
  const resolve = (name: string, place: string): string => {
    if (groupId.test(name)) return name.toLowerCase();
    const id = Object.hasOwn(groups, name) ? groups[name] : undefined;
    if (id === undefined) mistakes.push(`${place}: a group that groups does not name`);
    return id ?? '';
  };
  const post = teams.post.map((each, index) => ({
    conversation: each.conversation,
    groups: each.groups.map((name) => resolve(name, `teams.post.${index}.groups`)),
  }));
  const people = Object.fromEntries(
    Object.entries(teams.people).map(([name, ids]) => [resolve(name, 'teams.people'), ids]),
  );
  for (const name of skipping(environment)) {
    mistakes.push(`${name}: authentication cannot be skipped; remove the variable`);
  }
  const credential = credentialOf(environment, mistakes);
  if (mistakes.length > 0 || credential === undefined) {
    throw new ConfigError(`Mistakes in the settings of Teams:\n  ${mistakes.join('\n  ')}`);
  }
  return { ...teams, tenant, post, people, credential };
}

function skipping(environment: Environment): string[] {
  const names = Object.entries(environment)
    .filter(
      ([name, value]) => skipsAuthentication.test(name) && !off.has((value ?? '').toLowerCase()),
    )
    .map(([name]) => name);
  // Node itself would then take any certificate for Microsoft's.
  const takesAnyCertificate = environment['NODE_TLS_REJECT_UNAUTHORIZED'] === '0';
  return takesAnyCertificate ? [...names, 'NODE_TLS_REJECT_UNAUTHORIZED'] : names;
}

function credentialOf(environment: Environment, mistakes: string[]): AppCredential | undefined {
  const secret = environment['COUNTERSIGN_TEAMS_SECRET'] || undefined;
  const certificateFile = environment['COUNTERSIGN_TEAMS_CERTIFICATE_FILE'] || undefined;
  const keyFile = environment['COUNTERSIGN_TEAMS_KEY_FILE'] || undefined;
  const assertionFile = environment['COUNTERSIGN_TEAMS_ASSERTION_FILE'] || undefined;
  const isCertificate = certificateFile !== undefined || keyFile !== undefined;
  const kinds = [secret !== undefined, isCertificate, assertionFile !== undefined];
  if (kinds.filter(Boolean).length !== 1) {
    mistakes.push(
      'give exactly one of COUNTERSIGN_TEAMS_SECRET, COUNTERSIGN_TEAMS_CERTIFICATE_FILE with COUNTERSIGN_TEAMS_KEY_FILE, COUNTERSIGN_TEAMS_ASSERTION_FILE',
    );
    return undefined;
  }
  if (secret !== undefined) return { kind: 'secret', secret };
  if (assertionFile !== undefined) return assertion(assertionFile, mistakes);
  return certificate(certificateFile, keyFile, mistakes);
}

function assertion(file: string, mistakes: string[]): AppCredential | undefined {
  try {
    accessSync(file, constants.R_OK);
    return { kind: 'assertion', file };
  } catch {
    mistakes.push('COUNTERSIGN_TEAMS_ASSERTION_FILE: cannot be read');
    return undefined;
  }
}

function certificate(
  certificateFile: string | undefined,
  keyFile: string | undefined,
  mistakes: string[],
): AppCredential | undefined {
  try {
    const pem = readFileSync(certificateFile ?? '', 'utf8');
    const privateKey = readFileSync(keyFile ?? '', 'utf8');
    const key = createPrivateKey(privateKey);
    if (key.asymmetricKeyType === 'rsa' && new X509Certificate(pem).checkPrivateKey(key)) {
      return { kind: 'certificate', certificate: pem, privateKey };
    }
  } catch {
    // The words of the reader may quote the key: said below without them.
  }
  mistakes.push(
    'COUNTERSIGN_TEAMS_CERTIFICATE_FILE, COUNTERSIGN_TEAMS_KEY_FILE: must be a PEM certificate and its RSA key',
  );
  return undefined;
}
