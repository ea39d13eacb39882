import { readFileSync } from 'node:fs';
import { EntraTokens } from '#identity';
import { ConfigError, type CountersignConfig } from './config-file.js';

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
      certificateAuthorityFile === undefined ? undefined : readAuthority(certificateAuthorityFile),
  });
}

function readAuthority(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    const message = `entra.certificateAuthorityFile: ${file} cannot be read`;
    throw new ConfigError(message, { cause });
  }
}
