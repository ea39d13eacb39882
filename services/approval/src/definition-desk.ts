import { Injectable } from '@nestjs/common';
import { definitionKey, type DefinitionPlace, type Principal } from '#contracts';
import { ApprovalError } from './approval-error.js';
import type { Definition } from './definition.js';
import { type DefinitionPage, type DefinitionQuery, Definitions } from './definitions.js';
import { Desk } from './desk.js';
import { actorOf } from './transitions.js';

const adminRole = 'Countersign.Admin';
const auditorRole = 'Countersign.Auditor';

/** Who may read definitions, and who accepts them: whoever runs the gateway, in person. */
@Injectable()
export class DefinitionDesk {
  constructor(
    private readonly definitions: Definitions,
    private readonly desk: Desk,
    /** The tenants whose administrators and auditors count. */
    private readonly homeTenants: readonly string[],
  ) {}

  /** @throws ApprovalError */
  async page(reader: Principal, query: DefinitionQuery): Promise<DefinitionPage> {
    this.#checkReader(reader);
    return this.definitions.page(query);
  }

  /** @throws ApprovalError */
  async one(reader: Principal, place: DefinitionPlace): Promise<Definition> {
    this.#checkReader(reader);
    return this.definitions.one(place);
  }

  /** Accepts what was looked at. @throws ApprovalError, on record before it is thrown */
  async accept(by: Principal, place: DefinitionPlace, digest: string): Promise<Definition> {
    try {
      if (by.kind !== 'person') throw new ApprovalError('APPROVER_NOT_A_PERSON');
      if (!this.#hasRole(by, [adminRole])) throw new ApprovalError('ADMIN_ROLE_REQUIRED');
      return await this.definitions.accept(place, digest, actorOf(by));
    } catch (error) {
      if (error instanceof ApprovalError) {
        const { objectId, tenantId } = by;
        const detail = `accept ${definitionKey(place)} ${digest}`;
        const who = { approvalId: null, tenantId, objectId, remoteAddress: null };
        await this.desk.recordRefused({ ...who, channel: 'rest', code: error.code, detail });
      }
      throw error;
    }
  }

  #checkReader(reader: Principal): void {
    if (this.#hasRole(reader, [adminRole, auditorRole])) return;
    throw new ApprovalError('READER_ROLE_REQUIRED');
  }

  #hasRole({ roles, tenantId }: Principal, any: readonly string[]): boolean {
    return this.homeTenants.includes(tenantId) && any.some((role) => roles.includes(role));
  }
}
