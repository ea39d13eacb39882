import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import type { Request } from 'express';
import type { Classification, Principal } from '#contracts';
import { principalOf } from '#identity';
import { Problem } from '#runtime';
import { Reads } from './reads.js';

const auditorRole = 'Countersign.Auditor';
const adminRole = 'Countersign.Admin';

/** Whose roles count here: in every other tenant somebody else says who is an auditor. */
export class ReaderTenants {
  constructor(readonly tenants: readonly string[]) {}
}

/** Lets auditors and administrators pass. A refused read is recorded before it is answered. */
@Injectable()
export class ReaderGuard implements CanActivate {
  constructor(
    private readonly reads: Reads,
    private readonly home: ReaderTenants,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = context.switchToHttp().getRequest<Request>();
    const reader = principalOf(request);
    const isOfHome = this.home.tenants.includes(reader.tenantId);
    const hasRole = reader.roles.includes(auditorRole) || reader.roles.includes(adminRole);
    if (isOfHome && hasRole) return true;
    const route = `${request.method} ${request.path}`;
    await this.reads.record({ reader, route, filters: {}, outcome: 'refused' });
    throw new Problem(
      403,
      'AUDITOR_ROLE_REQUIRED',
      `The app role ${auditorRole} of the home tenant is needed.`,
    );
  }
}

/** What a reader may see: an auditor all that is kept, an administrator the metadata alone. */
export function visibleTo(reader: Principal): readonly Classification[] {
  return reader.roles.includes(auditorRole) ? ['public', 'sensitive'] : ['public'];
}
