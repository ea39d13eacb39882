import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { parse, YAMLParseError } from 'yaml';
import { z } from 'zod';
import { approvalSchema } from './approval-config.js';
import { teamsSchema } from './teams-config.js';
import {
  byKey,
  credentialIn,
  credentialSchema,
  fileIn,
  headerOf,
  headersSchema,
  networkSchema,
} from './upstream-config.js';

const labelName = z.string().regex(/^[a-z][a-z0-9_.-]{0,62}$/i);

const milliseconds = z.int().min(1).max(3_600_000);
const minutes = z.int().min(1).max(525_600);

/** How much may be asked of one server, by all callers together. */
const serverLimitsSchema = z.strictObject({
  concurrentCalls: z.int().min(1).max(100_000).optional(),
  requestsPerSecond: z.int().min(1).max(100_000).optional(),
});

/** What becomes of what a server says of its tools, its prompts and itself. */
const definitionsSchema = z.strictObject({
  /** Seen for the first time: accepted on sight, or held until a person accepts it. */
  new: z.enum(['pass', 'hold']).default('pass'),
  /** Other than all that were accepted: let through and told to whoever signs, or held. */
  changed: z.enum(['pass', 'hold']).default('hold'),
});
export type DefinitionSettings = z.infer<typeof definitionsSchema>;

/** Those of a server that says nothing of it. */
export const defaultDefinitions: DefinitionSettings = definitionsSchema.parse({});

const httpServerSchema = z
  .strictObject({
    url: z.url({ protocol: /^https?$/ }),
    /** Streamable HTTP unless said; `sse` is HTTP+SSE of the revision 2024-11-05. */
    transport: z.enum(['http', 'sse']).optional(),
    credential: credentialSchema.optional(),
    headers: headersSchema.default({}),
    /** Which addresses the host may have. */
    network: networkSchema.default('any'),
    /** PEM file of the certificate authorities to trust for this server, in place of the public ones. */
    caFile: z.string().min(1).optional(),
    connectTimeoutMs: milliseconds.default(5000),
    /** In place of `ingress.upstreamTimeoutMs`. */
    timeoutMs: milliseconds.optional(),
    labels: z.record(labelName, z.string()).default({}),
    definitions: definitionsSchema.optional(),
    limits: serverLimitsSchema.optional(),
  })
  .refine(
    ({ credential, headers }) =>
      credential === undefined ||
      !Object.keys(headers).some((name) => name.toLowerCase() === headerOf(credential)),
    { error: 'headers: one of them is that of the credential' },
  );

const stdioServerSchema = z.strictObject({
  /** Program and arguments; started without a shell. */
  command: z.array(z.string().min(1), 'give a url (http or https), or a command as a list').min(1),
  /** The whole environment of the child besides PATH and HOME; may name variables. */
  env: z.record(z.string(), z.string()).default({}),
  /** Who shares a child: nobody unless said, all sessions of a caller, or all callers. */
  processes: z.enum(['session', 'caller', 'shared']).optional(),
  labels: z.record(labelName, z.string()).default({}),
  definitions: definitionsSchema.optional(),
  limits: serverLimitsSchema.optional(),
});

/** One upstream MCP server: over HTTP when it has a `url`, else a program. */
const serverSchema = byKey('url', httpServerSchema, stdioServerSchema);
export type ServerConfig = z.infer<typeof serverSchema>;
export type HttpServerConfig = z.infer<typeof httpServerSchema>;
export type StdioServerConfig = z.infer<typeof stdioServerSchema>;

/** Entra writes ids in lower case, and they are compared as text. */
const entraId = z.uuid().toLowerCase();

const entraSchema = z.strictObject({
  authority: z
    .url({ protocol: /^https$/, error: 'must be an https URL' })
    .default('https://login.microsoftonline.com'),
  tenants: z.array(entraId).min(1),
  /** The application's client id or its App ID URI, exactly as tokens carry it in `aud`. */
  audience: z.union([z.string().min(1), z.array(z.string().min(1)).min(1)]),
  /** Client application ids that may call; empty allows every client of the tenants. */
  clientApps: z.array(z.string()).default([]),
  scope: z.string().min(1).default('mcp.invoke'),
  /** What a person's token needs to read and sign approvals: a client that may only call must not sign. */
  approvalScope: z.string().min(1).default('approvals.decide'),
  workloadRole: z.string().min(1).default('Mcp.Invoke'),
  /** PEM file of the certificate authorities to trust for the authority, in place of the public ones. */
  certificateAuthorityFile: z.string().optional(),
});

/** How some clients wait for people otherwise than the rest do. */
const clientSchema = z.strictObject({
  /** Of the name that the client gives itself, or of its application id; `*` stands for anything. */
  match: z.string().min(1),
  holdWithProgressMs: milliseconds.optional(),
  holdSilentMs: milliseconds.optional(),
  /** The ways of waiting that the client may be given; none means that it is told soon. */
  ladder: z
    .array(z.enum(['task', 'progress', 'legs', 'hold']))
    .default(['task', 'progress', 'legs', 'hold']),
});

const ingressSchema = z.strictObject({
  verdictTimeoutMs: milliseconds.default(5000),
  maskTimeoutMs: milliseconds.default(10_000),
  /** Longest silence of an upstream in the middle of an answer. */
  upstreamTimeoutMs: milliseconds.default(60_000),
  /** How long a call waits for an approval when the client shows progress, and when it does not. */
  holdWithProgressMs: milliseconds.default(210_000),
  holdSilentMs: milliseconds.default(45_000),
  /** How often a waiting client is shown progress. */
  progressEveryMs: z.int().min(100).max(15_000).default(10_000),
  /** One leg of a long poll, for clients of the stateless era that show no progress. */
  legMs: z.int().min(100).max(40_000).default(22_000),
  /**
   * How long a client waits that is given a task, asks after one, or may not be kept waiting: a signature
   * that is there already is used.
   */
  briefHoldMs: z.int().min(100).max(30_000).default(3000),
  /** How often a client is told to ask after its task. */
  taskPollMs: z.int().min(100).max(60_000).default(5000),
  /** Clients that wait otherwise; the first entry that matches counts. */
  clients: z.array(clientSchema).default([]),
  maxBodyBytes: z.int().min(1024).max(1_048_576).default(1_048_576),
  maxAnswerBytes: z.int().min(1024).default(16_777_216),
  maxDepth: z.int().min(8).max(512).default(64),
  /** Elements of one array or members of one object, in requests and answers. */
  maxArrayLength: z.int().min(16).default(100_000),
  /** All that a server says in one answer or stream, bytes. */
  maxStreamBytes: z.int().min(1024).default(268_435_456),
  /** How long a stream may stay open; its client comes back with a token that is looked at again. */
  maxStreamMs: milliseconds.default(1_800_000),
  /** How long a call may take, waiting for people included. */
  maxCallMs: milliseconds.default(3_600_000),
  maxConcurrentCalls: z.int().min(1).default(2000),
  /** Of one person or program. */
  callsPerCaller: z.int().min(1).default(200),
  streamsPerCaller: z.int().min(1).default(20),
  /** Requests of one person or program, spread over time; as many again may come at once. */
  requestsPerSecondPerCaller: z.int().min(1).max(100_000).default(1000),
  /** How long a session lives that nobody uses, and at most. */
  sessionIdleMinutes: minutes.default(1440),
  sessionMaxMinutes: minutes.default(10_080),
  /** Values of Host that are answered (DNS rebinding); the public URL's own host always is. */
  allowedHosts: z.array(z.string()).default([]),
  /** Values of Origin that are answered; a request without Origin is. */
  allowedOrigins: z.array(z.string()).default([]),
});

const auditSchema = z.strictObject({
  /** Tenants whose auditors may read the record; the first of `entra.tenants` unless said. */
  tenants: z.array(entraId).min(1).optional(),
});

const configSchema = z
  .strictObject({
    /** The URL that clients use; the resource metadata is made from it. */
    publicUrl: z
      .url({ protocol: /^https?$/ })
      .refine((url) => new URL(url).pathname === '/' && new URL(url).search === '', {
        error: 'must be an origin, without a path',
        when: ({ issues }) => issues.length === 0,
      })
      .default('http://localhost:8080'),
    entra: entraSchema,
    servers: z.record(labelName, serverSchema).default({}),
    /** Offer the tools of all servers together at `/mcp`, as `<server>__<tool>`. */
    aggregate: z.boolean().default(false),
    /** Names for group object ids, for use in policies. */
    groups: z.record(labelName, entraId).default({}),
    /** Folder of policy bundles. */
    policies: z.string().default('./policies'),
    ingress: ingressSchema.prefault({}),
    approval: approvalSchema.prefault({}),
    /** Approvals in Microsoft Teams; without it they are not asked there. */
    teams: teamsSchema.optional(),
    audit: auditSchema.prefault({}),
  })
  .refine(
    ({ aggregate, servers }) =>
      !aggregate || !Object.keys(servers).some((name) => /__|_$/.test(name)),
    {
      path: ['servers'],
      error: 'with aggregate, no name of a server may hold __ or end with _',
    },
  );

/** The whole of `countersign.yaml`, checked, with paths made absolute. */
export type CountersignConfig = z.infer<typeof configSchema> & {
  /** The file itself. */
  readonly file: string;
};

/** A configuration mistake; the message names keys and what is wrong, never a value. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly code = 'CONFIG_INVALID';
}

/**
 * Reads `countersign.yaml`.
 * @throws ConfigError that reports all mistakes at once.
 */
export function readConfigFile(file: string): CountersignConfig {
  const config = check(configSchema, readYaml(file), file);
  const folder = dirname(resolve(file));
  const { certificateAuthorityFile } = config.entra;
  return {
    ...config,
    file: resolve(file),
    policies: resolve(folder, config.policies),
    servers: Object.fromEntries(
      Object.entries(config.servers).map(([name, server]) => [name, inFolder(folder, server)]),
    ),
    entra: {
      ...config.entra,
      ...(certificateAuthorityFile === undefined
        ? {}
        : { certificateAuthorityFile: resolve(folder, certificateAuthorityFile) }),
    },
  };
}

/** The same server with its files made absolute. */
function inFolder(folder: string, server: ServerConfig): ServerConfig {
  if (!('url' in server)) return server;
  const { caFile, credential } = server;
  return {
    ...server,
    caFile: fileIn(folder, caFile),
    credential: credential === undefined ? undefined : credentialIn(folder, credential),
  };
}

/** The tenants whose auditors may read the record. */
export function readerTenants(config: CountersignConfig): readonly string[] {
  return config.audit.tenants ?? config.entra.tenants.slice(0, 1);
}

/** Reads settings from the environment. @throws ConfigError naming every variable that is missing or wrong. */
export function readEnvironment<T extends z.ZodType>(
  schema: T,
  environment: Readonly<Record<string, string | undefined>>,
): z.infer<T> {
  return check(schema, environment, 'the environment');
}

function check<T extends z.ZodType>(schema: T, value: unknown, place: string): z.infer<T> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const mistakes = parsed.error.issues.map(
    (issue) => `  ${issue.path.join('.') || '(root)'}: ${issue.message}`,
  );
  throw new ConfigError(`Mistakes in ${place}:\n${mistakes.join('\n')}`);
}

function readYaml(file: string): unknown {
  try {
    return parse(readFileSync(file, 'utf8'), { maxAliasCount: 50, logLevel: 'error' });
  } catch (cause) {
    throw new ConfigError(`${file} cannot be read: ${reasonOf(cause)}`, { cause });
  }
}

/** Where and why; the words of the YAML reader quote lines of the file, which may hold a secret. */
function reasonOf(error: unknown): string {
  if (error instanceof YAMLParseError) {
    const [at] = error.linePos ?? [];
    return at === undefined ? error.code : `${error.code} in line ${at.line}, column ${at.col}`;
  }
  // Of the file system: it names the file. Any other may quote what stands in it.
  if (error instanceof Error && 'code' in error) return error.message;
  return 'it is not the YAML that is expected here';
}
