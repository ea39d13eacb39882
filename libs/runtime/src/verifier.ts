import { readFileSync } from 'node:fs';
import { EntraTokens } from '#identity';
import type { CountersignConfig } from './config-file.js';

/** The verifier of Entra tokens that the configuration describes. */
export function tokenVerifier(entra: CountersignConfig['entra']): EntraTokens {
  const { audience, certificateAuthorityFile } = entra;
  return new EntraTokens({
    authority: entra.authority,
    tenants: entra.tenants,
    audiences: Array.isArray(audience) ? audience : [audience],
    clientApps: entra.clientApps,
    scope: entra.scope,
    workloadRole: entra.workloadRole,
    certificateAuthority:
      certificateAuthorityFile === undefined
        ? undefined
        : readFileSync(certificateAuthorityFile, 'utf8'),
  });
}
