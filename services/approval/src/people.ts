import {
  AppToken,
  ConfiguredGroups,
  type GroupDirectory,
  GraphGroups,
  TokenGroups,
} from '#identity';
import {
  checkedTeams,
  type CheckedTeams,
  ConfigError,
  type CountersignConfig,
  entraAuthority,
} from '#runtime';
import type { PageSettings } from './page/page-settings.js';
import type { WebhookTarget } from './webhook-channel.js';

type Environment = Readonly<Record<string, string | undefined>>;

/** How people are found, asked and told. */
export interface PeopleSettings {
  /** The origin of the page. */
  readonly pageUrl: string;
  readonly directory: GroupDirectory;
  readonly page: PageSettings | undefined;
  readonly teams: CheckedTeams | undefined;
  readonly webhooks: readonly WebhookTarget[];
  readonly summaryHours: number;
  readonly abandonSeconds: number;
  /** Approvals of one person or program that may be pending at once. */
  readonly pendingPerRequester: number;
  /** Tenants whose administrators may revoke. */
  readonly adminTenants: readonly string[];
}

/**
 * Reads how people are found, asked and told, with the secrets of the environment.
 * @throws ConfigError that names keys and variables, never a value.
 */
export function peopleSettings(
  config: CountersignConfig,
  environment: Environment,
  pageKey: string | undefined,
): PeopleSettings {
  const { approval, teams } = config;
  const pageUrl = approval.url ?? new URL(config.publicUrl).origin;
  if (teams !== undefined && approval.directory === 'token') {
    throw new ConfigError(
      'approval.directory: Teams tells who presses, not their groups; choose graph or members',
    );
  }
  return {
    pageUrl,
    directory: directoryOf(config, environment),
    page: pageOf(config, environment, pageUrl, pageKey),
    teams: teams === undefined ? undefined : checkedTeams({ ...config, teams }, environment),
    webhooks: approval.webhooks.map((each) => ({
      name: each.name,
      url: each.url,
      secret: secretOf(each.secret, environment),
    })),
    summaryHours: approval.summaryHours,
    abandonSeconds: approval.abandonAfterSeconds,
    pendingPerRequester: approval.pendingPerRequester,
    adminTenants: config.audit.tenants ?? config.entra.tenants.slice(0, 1),
  };
}

function directoryOf(config: CountersignConfig, environment: Environment): GroupDirectory {
  const { directory, graph, members } = config.approval;
  const tenant = config.entra.tenants[0] ?? '';
  if (directory === 'members') return new ConfiguredGroups(tenant, idsOf(members, config.groups));
  if (directory === 'token' || graph === undefined) return new TokenGroups();
  const certificateAuthority = entraAuthority(config.entra.certificateAuthorityFile);
  const token = new AppToken({
    loginUrl: config.entra.authority,
    tenant,
    clientId: graph.clientId,
    scope: `${graph.url}/.default`,
    credential: { kind: 'secret', secret: variable('COUNTERSIGN_GRAPH_SECRET', environment) },
    certificateAuthority,
  });
  return new GraphGroups({ graphUrl: graph.url, tenant, token, certificateAuthority });
}

/** Groups by object id. @throws ConfigError for a name that nobody configured */
function idsOf(
  members: Readonly<Record<string, readonly string[]>>,
  names: Readonly<Record<string, string>>,
): Record<string, readonly string[]> {
  return Object.fromEntries(
    Object.entries(members).map(([name, people]) => {
      const id = Object.hasOwn(names, name) ? names[name] : name;
      if (id === undefined || !/^[0-9a-f-]{36}$/i.test(id)) {
        throw new ConfigError(`approval.members: groups names no group ${name}`);
      }
      return [id.toLowerCase(), people];
    }),
  );
}

function pageOf(
  config: CountersignConfig,
  environment: Environment,
  publicUrl: string,
  sealKey: string | undefined,
): PageSettings | undefined {
  const { page } = config.approval;
  if (page === undefined) return undefined;
  if (sealKey === undefined) {
    throw new ConfigError('COUNTERSIGN_PAGE_KEY: the page needs 32 bytes, base64');
  }
  const { approvalScope, audience, authority, certificateAuthorityFile, tenants } = config.entra;
  const [resource] = [audience].flat();
  return {
    publicUrl,
    sealKey,
    signIn: {
      authority,
      tenants,
      clientId: page.clientId,
      clientSecret: environment['COUNTERSIGN_PAGE_SECRET'] || undefined,
      scope: page.scope ?? `${resource ?? ''}/${approvalScope}`,
      certificateAuthority: entraAuthority(certificateAuthorityFile),
    },
  };
}

const leastSecretBytes = 24;

/** @throws ConfigError for a variable that is missing or too short to be a secret */
function secretOf(reference: string, environment: Environment): Buffer {
  const name = reference.slice(2, -1);
  const text = variable(name, environment).replace(/^whsec_/, '');
  const secret = Buffer.from(text, 'base64');
  if (secret.length >= leastSecretBytes) return secret;
  throw new ConfigError(`${name}: must be whsec_ and at least ${leastSecretBytes} bytes, base64`);
}

function variable(name: string, environment: Environment): string {
  const value = environment[name];
  if (value === undefined || value === '') throw new ConfigError(`${name}: is missing`);
  return value;
}
