import type { AnswerPart, Forwarding, Mark, Question } from '../gate/call.js';
import { Refusal } from '../gate/refusal.js';
import type { Json } from '#masking';
import { offeringTasks } from './discovery.js';
import { isObject, type JsonObject, objectAt, withMember } from './message.js';
import { type Label, restored } from './relabel.js';
import { upstreamRefusal } from './upstream.js';

/** What a server may ask in one exchange: each question costs a verdict, and stands on record. */
const maxQuestions = 1000;

/** What is done to everything that a server says before it goes to masking. */
export interface WayBack {
  readonly forwarding: Forwarding;
  /** Absent where nothing was asked: on the server's own stream. */
  readonly label: Label | undefined;
  /** Whether calls may wait as tasks here, so that the server's offers are to say so. */
  readonly offersTasks: boolean;
  /** A mark in words of the gateway. */
  mark(mark: Mark | undefined): Mark | undefined;
  /** The same saying with the gateway's names for the server's tasks and states. */
  withOwnNames(said: Json): Json;
  /** Tells the server that nobody is asked. */
  refuse(question: JsonObject): Promise<void>;
}

/**
 * What a server says, on its way to the client: what it asks of the caller is judged, and the client's own
 * names stand in place of the gateway's.
 * @throws Refusal when an answer asks what policy refuses.
 */
export async function* onWayBack(
  parts: AsyncIterable<AnswerPart>,
  way: WayBack,
): AsyncGenerator<AnswerPart> {
  const { forwarding, label, offersTasks } = way;
  const judge = new Judge(forwarding);
  for await (const part of parts) {
    const { content, last } = part;
    if (isQuestion(content) && !(await judge.lets(content))) {
      await way.refuse(content);
      continue;
    }
    if (!(await judge.letsRequestsIn(content))) {
      if (last) throw withheld();
      // The news of a task: what it says is told to whoever asks after the task, or withheld there.
      continue;
    }
    const own = last ? forOneAlone(content) : content;
    const offered = last && offersTasks ? offeringTasks(own) : own;
    const told = label === undefined ? offered : restored(offered, label);
    yield { content: way.withOwnNames(told), last, mark: way.mark(part.mark) };
  }
}

/** What comes out is filtered and masked for one caller: nobody may keep it for another (MCP 2026-07-28, caching). */
function forOneAlone(content: Json): Json {
  if (!isObject(content)) return content;
  return withMember(content, 'result', (result) =>
    result['cacheScope'] === 'public' ? { ...result, cacheScope: 'private' } : result,
  );
}

/** The answer to a server whose question policy refuses. */
export function refusedQuestion({ id }: JsonObject): JsonObject {
  const error = { code: 4030, message: 'The gateway does not let this be asked of its caller.' };
  return { jsonrpc: '2.0', id: id ?? null, error };
}

/** A request of the server to its client (sampling, elicitation, roots, ping). */
function isQuestion(content: Json): content is JsonObject {
  return isObject(content) && 'method' in content && 'id' in content;
}

function questionOf(content: JsonObject): Question {
  const { id: _id, jsonrpc: _version, method, params: _params, ...envelope } = content;
  const { _meta: meta = {}, ...plain } = objectAt(content, 'params');
  return {
    method: typeof method === 'string' ? method : '',
    resource: '',
    arguments: plain,
    extras: { envelope, meta },
    facts: { action: 'connect', objects: [], complete: true },
  };
}

/** Asks policy about all that a server asks in one exchange. */
class Judge {
  #left = maxQuestions;

  constructor(private readonly forwarding: Pick<Forwarding, 'lets'>) {}

  /** @throws Refusal for a server that asks without end. */
  async lets(asked: JsonObject): Promise<boolean> {
    if (this.#left === 0) {
      const message = 'The server asks more of its caller than is judged.';
      throw upstreamRefusal('UPSTREAM_UNREADABLE', message, 'yes');
    }
    this.#left -= 1;
    return this.forwarding.lets(questionOf(asked));
  }

  /**
   * In the stateless era a server asks in its answer, and in what it tells of a task (MCP 2026-07-28, multi
   * round-trip requests; ext-tasks).
   */
  async letsRequestsIn(content: Json): Promise<boolean> {
    if (!isObject(content)) return true;
    const { inputRequests } = objectAt(content, 'method' in content ? 'params' : 'result');
    if (inputRequests === undefined) return true;
    if (!isObject(inputRequests)) return false;
    for (const asked of Object.values(inputRequests)) {
      if (!isObject(asked) || !(await this.lets(asked))) return false;
    }
    return true;
  }
}

function withheld(): Refusal {
  const message = 'Policy refuses what the server asks of its caller, so its answer is withheld.';
  return new Refusal('DENIED', 'upstream', message, { executed: 'unknown' });
}
