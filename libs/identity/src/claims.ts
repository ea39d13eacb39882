import { z } from 'zod';
import type { Principal } from '#contracts';
import { TokenError } from './token-verifier.js';

/** What a deployment accepts. */
export interface AcceptedTokens {
  /** Tenant ids. */
  readonly tenants: readonly string[];
  /** Client application ids that may call; empty means any of the accepted tenants. */
  readonly clientApps: readonly string[];
  /** Scope that a person's token must carry (`scp`, short name). */
  readonly scope: string;
  /** App role that a workload's token must carry. */
  readonly workloadRole: string;
}

const claimsSchema = z.looseObject({
  ver: z.literal('2.0'),
  tid: z.uuid(),
  oid: z.uuid(),
  azp: z.string().min(1),
  scp: z.string().optional(),
  idtyp: z.string().optional(),
  roles: z.array(z.string()).default([]),
  groups: z.array(z.uuid()).optional(),
  name: z.string().optional(),
  hasgroups: z.unknown().optional(),
  _claim_names: z.looseObject({ groups: z.unknown() }).partial().optional(),
  xms_par_app_azp: z.string().optional(),
});
type Claims = z.infer<typeof claimsSchema>;

/**
 * The principal that verified claims describe; each check in a fixed order, one claim at a time.
 * @throws TokenError naming the check that failed.
 */
export function principalFromClaims(payload: unknown, accepted: AcceptedTokens): Principal {
  const claims = readClaims(payload);
  const tenant = accepted.tenants.includes(claims.tid);
  if (!tenant) throw new TokenError('TENANT_NOT_ALLOWED', 'This tenant may not call.');
  const kind = kindOf(claims);
  if (accepted.clientApps.length > 0 && !accepted.clientApps.includes(claims.azp)) {
    throw new TokenError('CLIENT_NOT_ALLOWED', 'This client application may not call.');
  }
  checkPermission(claims, kind, accepted);
  return {
    tenantId: claims.tid,
    objectId: claims.oid,
    kind,
    clientApp: claims.azp,
    displayName: claims.name ?? null,
    groups: groupsOf(claims),
    roles: claims.roles,
  };
}

function readClaims(payload: unknown): Claims {
  const parsed = claimsSchema.safeParse(payload);
  if (parsed.success) return parsed.data;
  const claim = parsed.error.issues[0]?.path.join('.') ?? 'payload';
  throw new TokenError(
    'TOKEN_CLASS_REFUSED',
    `Not an access token of the accepted kind (${claim}).`,
  );
}

/** An ID token has neither scope nor app role, and is refused here. */
function kindOf(claims: Claims): Principal['kind'] {
  if (claims.xms_par_app_azp !== undefined) return 'agent';
  const isApp = claims.idtyp === 'app' && claims.roles.length > 0 && claims.scp === undefined;
  if (isApp) return 'workload';
  const isPerson = Boolean(claims.scp) && (claims.idtyp === undefined || claims.idtyp === 'user');
  if (isPerson) return 'person';
  throw new TokenError('TOKEN_CLASS_REFUSED', 'Neither a person’s nor a workload’s access token.');
}

function checkPermission(claims: Claims, kind: Principal['kind'], accepted: AcceptedTokens): void {
  const granted = claims.scp === undefined ? claims.roles : claims.scp.split(' ');
  const needed = claims.scp === undefined ? accepted.workloadRole : accepted.scope;
  if (granted.includes(needed)) return;
  throw new TokenError('SCOPE_MISSING', `The token of this ${kind} lacks ${needed}.`);
}

/** Groups of now. An overage marker means that the token does not say; that is never read as "none". */
function groupsOf(claims: Claims): string[] {
  const isOverage = claims._claim_names?.groups !== undefined || claims.hasgroups !== undefined;
  if (isOverage && claims.groups === undefined) {
    throw new TokenError('GROUPS_UNRESOLVED', 'The token does not list the groups of its bearer.');
  }
  return claims.groups ?? [];
}
