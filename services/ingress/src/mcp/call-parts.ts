import type { AnswerPart, Mark } from '../gate/call.js';
import type { Gate } from '../gate/gate.js';
import type { CallsInFlight } from './calls-in-flight.js';
import type { Continuations } from './continuations.js';
import type { Definitions } from './definitions.js';
import type { EventIds } from './event-ids.js';
import type { LadderSettings } from './ladder.js';
import type { QuestionIds } from './question-ids.js';
import type { RequestStates } from './request-states.js';
import type { ServerEras } from './server-eras.js';
import type { SessionIds } from './session-ids.js';
import type { SessionRecord } from './session-record.js';
import type { TaskIds } from './task-ids.js';
import type { UpstreamReply } from './upstream.js';
import type { Upstreams } from './upstreams.js';

/** What every call is made with. */
export interface McpCallParts {
  readonly gate: Pick<Gate, 'pass'>;
  readonly upstreams: Pick<Upstreams, 'has' | 'of'>;
  readonly inFlight: CallsInFlight;
  readonly sessionIds: SessionIds;
  readonly sessions: Pick<SessionRecord, 'opened' | 'closed'>;
  readonly definitions: Definitions;
  readonly continuations: Continuations;
  readonly eventIds: EventIds;
  readonly taskIds: TaskIds;
  readonly requestStates: RequestStates;
  readonly questionIds: QuestionIds;
  readonly eras: ServerEras;
  readonly ladder: LadderSettings;
  /** How long a stream may stay open. */
  readonly maxStreamMs: number;
  /** How long a call may take, waiting for people included. */
  readonly maxCallMs: number;
  /** The page of an approval. */
  readonly approvalPage: (approvalId: string) => string;
}

/** Where that which is said to a call goes. */
export interface CallAnswer {
  /** The upstream has taken the message; nothing was written for it yet. */
  expect(reply: UpstreamReply, sessionId: string | undefined): void;
  /** Takes a masked part. */
  release(part: AnswerPart): Promise<void>;
  /** Where the stream may be taken up again, before anything was said on it. */
  mark(mark: Mark): void;
  /** People are being asked. */
  progress(token: string | number, message: string): void;
}
