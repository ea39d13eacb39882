import { z } from 'zod';
import { eventually, rest } from '../stack/http.js';
import type { Stack } from '../stack/stack.js';
import type { World } from '../stack/world.js';

const approvalsSchema = z.object({
  approvals: z.array(z.looseObject({ id: z.string() })),
});

/** Somebody of the approver group, who presses by REST. */
export class Approver {
  constructor(
    private readonly world: World,
    private readonly stack: Stack,
  ) {}

  /** The pending approval about an order, when there is one. */
  async pendingFor(order: string): Promise<string> {
    return eventually(async () => {
      const token = await this.world.token('approver');
      const query = 'status=pending&limit=100';
      const { body } = await rest(`${this.stack.approvals}/v1/approvals?${query}`, token);
      const { approvals } = approvalsSchema.parse(body);
      const found = approvals.filter((each) => JSON.stringify(each).includes(order));
      const [only, ...others] = found;
      if (only === undefined || others.length > 0) {
        throw new Error(`${found.length} approvals are about ${order}`);
      }
      return only.id;
    });
  }

  /** Presses; the HTTP status tells how that went. */
  async press(
    id: string,
    decision: 'approve' | 'refuse',
    reason = '',
    grantSeconds?: number,
  ): Promise<number> {
    const body = { decision, reason, ...(grantSeconds === undefined ? {} : { grantSeconds }) };
    return this.#post(`approvals/${id}/decision`, body);
  }

  /** Ends a grant at once. */
  async revoke(grantId: string): Promise<number> {
    return this.#post(`grants/${grantId}/revocation`, { reason: 'enough' });
  }

  async #post(path: string, body: object): Promise<number> {
    const token = await this.world.token('approver');
    const url = `${this.stack.approvals}/v1/${path}`;
    return (await rest(url, token, { method: 'POST', body })).status;
  }
}
