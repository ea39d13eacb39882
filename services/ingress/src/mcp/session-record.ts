import type { Bus } from '#bus';
import { sessionClosed, sessionOpened } from '#contracts';
import type { RefusalRecord } from '../gate/refusal-record.js';
import type { Intake } from './intake.js';
import { isObject } from './message.js';
import type { Session } from './session-ids.js';

/** Writes down which sessions were opened and closed. */
export class SessionRecord {
  constructor(
    private readonly bus: Bus,
    private readonly instance: string,
    private readonly record: Pick<RefusalRecord, 'later'>,
  ) {}

  /** A server took a client's `initialize`, and issued a session for it. */
  opened({ client, operation, principal, server }: Intake, session: Session): void {
    const asked = isObject(operation.arguments)
      ? operation.arguments['protocolVersion']
      : undefined;
    const data = {
      sessionId: session.sessionId,
      ingress: this.instance,
      protocol: 'mcp',
      protocolVersion: typeof asked === 'string' ? asked : null,
      server: server.name,
      principal,
      client,
    };
    this.record.later(async () => this.bus.publish(sessionOpened, data));
  }

  /** A client ended its session. */
  closed({ principal, server, session }: Intake): void {
    if (session === undefined) return;
    const data = {
      sessionId: session.sessionId,
      ingress: this.instance,
      server: server.name,
      principal,
      reason: 'client' as const,
    };
    this.record.later(async () => this.bus.publish(sessionClosed, data));
  }
}
