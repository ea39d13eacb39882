import type { Json } from '#masking';
import type { AnswerPart, Forwarding, Mark } from '../gate/call.js';
import { Refusal } from '../gate/refusal.js';
import type { CallAnswer, McpCallParts } from './call-parts.js';
import { isModern, watchedResources } from './era.js';
import type { Intake } from './intake.js';
import { isObject, type JsonObject, readMessage } from './message.js';
import { type Label, labelOf, relabelled } from './relabel.js';
import type { Session } from './session-ids.js';
import { withClientTasks } from './task-ids.js';
import {
  type McpUpstream,
  StatusRefusal,
  type UpstreamReply,
  type UpstreamRequest,
  upstreamRefusal,
} from './upstream.js';
import { onWayBack, refusedQuestion } from './way-back.js';

/** What an exchange is made with. */
export interface ExchangeParts {
  readonly callId: string;
  readonly intake: Intake;
  readonly answer: CallAnswer;
  readonly call: Pick<
    McpCallParts,
    'definitions' | 'eras' | 'eventIds' | 'questionIds' | 'requestStates' | 'sessionIds' | 'taskIds'
  > & { readonly upstreams: Pick<McpCallParts['upstreams'], 'of'> };
  /** Aborted when the answer is not wanted any more. */
  readonly unwanted: AbortSignal;
  /** Whether calls of this client may wait as tasks. */
  readonly offersTasks: boolean;
}

/** One message on its way to its server under the gateway's names, and what comes back for it. */
export class Exchange {
  readonly #label: Label | undefined;
  readonly #request: UpstreamRequest;
  #upstream: McpUpstream | undefined;
  #mark: (mark: Mark | undefined) => Mark | undefined = () => undefined;
  #isResumable = false;
  #opened: Session | undefined;
  /** HTTP status of the server's answer. */
  #status = 200;

  constructor(private readonly parts: ExchangeParts) {
    const { callId, intake } = parts;
    this.#label = intake.resumes?.origin?.label ?? labelOf(intake.message, callId);
    this.#request = this.#requestOf(intake);
  }

  /** Whether the client knows where its stream may be taken up again. */
  get isResumable(): boolean {
    return this.#isResumable;
  }

  /** The session that the server opened with its answer. */
  get opened(): Session | undefined {
    return this.#opened;
  }

  /** Sends the message; yields what is said to the client for it. @throws Refusal of stage `upstream` */
  forward(forwarding: Forwarding): AsyncIterable<AnswerPart> {
    this.#mark = (mark) => this.#ownMark(mark, forwarding);
    return onWayBack(this.#learning(this.#answered(this.#admitted(forwarding))), {
      forwarding,
      label: this.#label,
      offersTasks: forwarding.asksPeople && this.parts.offersTasks,
      mark: this.#mark,
      withOwnNames: (said) => this.#withOwnNames(said, forwarding),
      refuse: async (question) => this.#refuse(question, forwarding),
    });
  }

  #requestOf({ headers, message, principal, resumes, server, session, verb }: Intake) {
    return {
      verb,
      caller: `${principal.tenantId}/${principal.objectId}`,
      message: message && relabelled(message, this.#label),
      session,
      resumes,
      headers,
      signal: this.parts.unwanted,
      onReply: (reply) => this.#expect(reply),
      onMark: (mark) => {
        const own = this.#mark(mark);
        if (own !== undefined) this.parts.answer.mark(own);
      },
      onListed: ({ described }) => this.parts.call.definitions.learn(server.name, described),
    } satisfies UpstreamRequest;
  }

  /** What is named beside the call itself must be the caller's as well, before anything is asked for. */
  async *#admitted(forwarding: Forwarding): AsyncGenerator<AnswerPart> {
    const { earlier, message } = this.parts.intake;
    if (earlier !== undefined && earlier.resource !== '') {
      await checkVisible(earlier.method, [earlier.resource], forwarding);
    }
    const watched = watchedResources(message);
    if (watched.length > 0) await checkVisible('resources/read', watched, forwarding);
    yield* this.#reached().prepare(this.#request).forward(forwarding);
  }

  /** @throws Refusal when an answer is missing that nobody comes back for. */
  async *#answered(parts: AsyncIterable<AnswerPart>): AsyncGenerator<AnswerPart> {
    let isAnswered = this.parts.intake.message?.kind !== 'request';
    for await (const part of parts) {
      isAnswered ||= part.last;
      yield part;
    }
    if (isAnswered || this.#isResumable || this.parts.unwanted.aborted) return;
    const message = 'The server ended its answer before the answer was there.';
    throw upstreamRefusal('UPSTREAM_UNREADABLE', message, 'yes');
  }

  /** The server as it is at the first word to it; from then on the same one. @throws Refusal */
  #reached(): McpUpstream {
    this.#upstream ??= this.parts.call.upstreams.of(this.parts.intake.server);
    return this.#upstream;
  }

  /** What an answer tells of its server's era. */
  async *#learning(parts: AsyncIterable<AnswerPart>): AsyncGenerator<AnswerPart> {
    const { message, server } = this.parts.intake;
    const { eras } = this.parts.call;
    try {
      for await (const part of parts) {
        if (part.last) eras.learn(server, message, this.#status, part.content);
        yield part;
      }
    } catch (error) {
      if (error instanceof StatusRefusal) {
        eras.learn(server, message, error.status, undefined);
      }
      throw error;
    }
  }

  /** What a server says, with our names for its tasks. */
  #withTasks(said: Json, { mask }: Forwarding): Json {
    const { call, callId, intake } = this.parts;
    const { earlier, message, operation, principal, server } = intake;
    const { method, resource } = operation;
    const isNews = isObject(said) && 'method' in said;
    return withClientTasks(said, message, (taskId) => {
      // Under the mask of any other call, more of the answer could come out than under that of its own.
      const isOwn = earlier === undefined ? resource !== '' : !isNews && earlier.resource !== '';
      const known =
        isOwn && !isNews ? undefined : call.taskIds.known(taskId, server.name, principal);
      if (known !== undefined || !isOwn) return known;
      const task = { taskId, call: earlier ?? { callId, method, resource, mask } };
      return call.taskIds.issue(task, server.name, principal);
    });
  }

  /** What a server says, with names that nobody else may go on or answer with. */
  #withOwnNames(said: Json, forwarding: Forwarding): Json {
    const { message, principal, server, session } = this.parts.intake;
    const { questionIds, requestStates } = this.parts.call;
    const sessionId = (this.#opened ?? session)?.sessionId ?? null;
    const place = { server: server.name, principal, sessionId };
    const named = requestStates.withClientState(this.#withTasks(said, forwarding), message, place);
    return questionIds.withClientId(named, place);
  }

  /**
   * A server's mark in our words. The stateless era takes up no stream (MCP 2026-07-28), and what runs under a
   * grant must end with it: the rest could be fetched when the grant is over.
   */
  #ownMark(mark: Mark | undefined, forwarding: Forwarding): Mark | undefined {
    if (mark === undefined || isModern(this.parts.intake.message)) return undefined;
    const { id: eventId, retryMs } = mark;
    if (eventId === undefined || eventId === '' || forwarding.ended !== undefined)
      return { retryMs };
    const id = this.#eventId(eventId, forwarding);
    this.#isResumable ||= id !== undefined;
    return { id, retryMs };
  }

  #eventId(eventId: string, { mask }: Forwarding): string | undefined {
    const { earlier, operation, principal, resumes, server, session } = this.parts.intake;
    const { method, resource } = operation;
    const label = this.#label;
    // The rest of what is told of a task is for whoever may still use the tool, like the beginning.
    const ofTask = method.startsWith('tasks/') ? earlier : undefined;
    const call = { ...(ofTask ?? { callId: this.parts.callId, method, resource }), mask };
    const own = label && { label, call };
    const origin = resumes?.origin ?? own;
    const sessionId = (this.#opened ?? session)?.sessionId ?? null;
    const place = { server: server.name, principal, sessionId };
    return this.parts.call.eventIds.issue({ eventId, origin }, place, Date.now());
  }

  /** Tells the server that nobody is asked. Never rejects. */
  async #refuse(question: JsonObject, forwarding: Forwarding): Promise<void> {
    const message = readMessage(refusedQuestion(question));
    // Nobody can answer under an id that is none.
    if (message === undefined) return;
    const answer = this.#reached().prepare({ ...this.#request, ...unheard, message });
    try {
      for await (const _ of answer.forward(forwarding));
    } catch (error) {
      // The server was not told; it waits for as long as it waits for any client.
      if (!(error instanceof Refusal)) throw error;
    }
  }

  #expect(reply: UpstreamReply): void {
    const { answer, call, intake } = this.parts;
    this.#status = reply.status;
    const { client, message, principal, server } = intake;
    const { issuedSessionId } = reply;
    const isInitialize = message?.kind === 'request' && message.method === 'initialize';
    if (issuedSessionId === undefined || !isInitialize) {
      answer.expect(reply, undefined);
      return;
    }
    const nowMs = Date.now();
    const issued = call.sessionIds.issue(issuedSessionId, server.name, principal, client, nowMs);
    this.#opened = issued.session;
    answer.expect(reply, issued.id);
  }
}

/** What the gateway says to a server by itself, and whose answer nobody hears. */
const unheard = {
  verb: 'POST' as const,
  resumes: undefined,
  onReply: () => undefined,
  onMark: () => undefined,
  onListed: () => undefined,
};

/** @throws Refusal when the caller may not see one of the resources, as if it did not exist. */
async function checkVisible(
  method: string,
  resources: readonly string[],
  forwarding: Forwarding,
): Promise<void> {
  const visible = await forwarding.visible(method, resources).catch((error: unknown) => {
    throw error instanceof Refusal ? beforeAll(error) : error;
  });
  if (resources.every((each) => visible.has(each))) return;
  throw new Refusal('DENIED', 'upstream', 'No rule allows this.', { hidden: true });
}

/** The same of a server that has not been asked for anything yet. */
function beforeAll(refusal: Refusal): Refusal {
  const { code, message, retryAfterMs } = refusal;
  const facts = retryAfterMs === undefined ? {} : { retryAfterMs };
  return new Refusal(code, 'upstream', message, facts, { cause: refusal });
}
