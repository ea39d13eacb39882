import { readFileSync } from 'node:fs';
import { EntraTokens } from '#identity';
import { ConfigError, type CountersignConfig } from './config-file.js';

/**
 * The verifier of Entra tokens that the configuration describes, for callers of MCP servers; with `purpose`
 * `approvals`, for people who read and sign approvals, whose tokens need a scope of their own.
 */
export function tokenVerifier(
  entra: CountersignConfig['entra'],
  purpose: 'calls' | 'approvals' = 'calls',
): EntraTokens {
  const { approvalScope, audience, certificateAuthorityFile } = entra;
  return new EntraTokens({
    authority: entra.authority,
    tenants: entra.tenants,
    audiences: Array.isArray(audience) ? audience : [audience],
    clientApps: entra.clientApps,
    scope: purpose === 'approvals' ? approvalScope : entra.scope,
    workloadRole: entra.workloadRole,
    certificateAuthority: entraAuthority(certificateAuthorityFile),
  });
}

/** PEM of the certificate authorities to trust for Entra; undefined for the public ones. @throws ConfigError */
export function entraAuthority(file: string | undefined): string | undefined {
  if (file === undefined) return undefined;
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    const message = `entra.certificateAuthorityFile: ${file} cannot be read`;
    throw new ConfigError(message, { cause });
  }
}
