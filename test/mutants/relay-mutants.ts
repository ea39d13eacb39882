import type { Mutant } from './mutant.js';

const folder = 'services/ingress/src/mcp';
const events = { file: `${folder}/event-ids.ts`, spec: `${folder}/event-ids.spec.ts`, law: 8 };
const tasks = { file: `${folder}/task-ids.ts`, spec: `${folder}/task-ids.spec.ts`, law: 8 };
const states = {
  file: `${folder}/request-states.ts`,
  spec: `${folder}/request-states.spec.ts`,
  law: 8,
};
const way = { file: `${folder}/way-back.ts`, spec: `${folder}/way-back.spec.ts`, law: 2 };
const routing = {
  file: `${folder}/mirrored-headers.ts`,
  spec: `${folder}/mirrored-headers.spec.ts`,
  law: 5,
};

/** The guards around what passes between client and server besides the call itself. */
export const relayMutants: readonly Mutant[] = [
  {
    ...events,
    name: 'an event id opens in any session',
    snippet: "['event', server, sessionId, tenantId, objectId, clientApp]",
    replacement: "['event', server, tenantId, objectId, clientApp]",
    test: 'when another session brings an id, then it does not open',
  },
  {
    ...events,
    name: 'an event id opens for ever',
    snippet: 'found.data.t <= nowMs',
    replacement: 'false',
    test: 'when an id is old, altered or invented, then it does not open',
  },
  {
    ...tasks,
    name: 'a task of a server opens for anybody',
    snippet: "['server-task', server, tenantId, objectId, clientApp]",
    replacement: "['server-task', server]",
    test: 'when anybody else asks after it',
  },
  {
    ...tasks,
    name: 'a server is asked after a task by the id that somebody guessed',
    snippet: 'return task?.taskId ?? randomUUID();',
    replacement: 'return task?.taskId ?? String(id);',
    test: 'when a question names a task that is not its client’s',
  },
  {
    ...way,
    name: 'a server asks its caller what policy refuses',
    snippet: 'isQuestion(content) && !(await judge.lets(content))',
    replacement: 'false as boolean',
    test: 'when policy refuses the question, then the client never sees it',
  },
  {
    ...way,
    name: 'an answer asks what policy refuses',
    snippet: '!(await judge.letsRequestsIn(content))',
    replacement: 'false as boolean',
    test: 'when an answer asks what policy refuses, then it is withheld',
  },
  {
    file: `${folder}/upstream.ts`,
    spec: `${folder}/upstream.spec.ts`,
    law: 4,
    name: 'an answer passes for something that needs no filter',
    snippet: 'if (isOneMessage(said)) return false;',
    replacement: 'if (isOneMessage(said) || true) return false;',
    test: 'when a server says a question and an answer in one, then nothing of it is used',
  },
  {
    file: `${folder}/exchange.ts`,
    spec: `${folder}/exchange.spec.ts`,
    law: 4,
    name: 'the end of a task comes out under the mask of the stream that told of it',
    snippet:
      "const isOwn = earlier === undefined ? resource !== '' : !isNews && earlier.resource !== '';",
    replacement: 'const isOwn = true as boolean;',
    test: 'when there is news of a task on a stream of all that is going on',
  },
  {
    file: `${folder}/request-states.ts`,
    spec: `${folder}/request-states.spec.ts`,
    law: 2,
    name: 'a server goes on with what was begun for other arguments',
    snippet: 'const what = sha256(canonicalJson([method, asked]));',
    replacement: "const what = [method, asked].join('').slice(0, 0);",
    test: 'when a state is brought with other arguments, then the request is refused',
  },
  {
    file: `${folder}/mcp-call.ts`,
    spec: `${folder}/mcp-call.spec.ts`,
    law: 5,
    name: 'what people signed goes to what a server was before, or is now',
    snippet: '!this.parts.upstreams.has(this.intake.server)',
    replacement: 'false as boolean',
    test: 'when a server is configured anew while people are asked',
  },
  {
    ...routing,
    name: 'a header names another tool than the body',
    snippet: 'decoded(claimed) !== name',
    replacement: 'false',
    test: 'when the name is another, then the request is refused',
  },
  {
    file: `${folder}/mirrored-arguments.ts`,
    spec: `${folder}/mirrored-arguments.spec.ts`,
    law: 5,
    name: 'a header repeats another argument than the body',
    snippet: 'header !== undefined && decoded(header) === value',
    replacement: 'true',
    test: 'then the request is refused',
  },
  {
    ...routing,
    name: 'a header of the stateless era goes along in the older one',
    snippet: 'version !== modernVersion || message === undefined',
    replacement: 'message === undefined',
    test: 'when headers mirror arguments, then they go along in the stateless era alone',
  },
  {
    file: `${folder}/transport-checks.ts`,
    spec: 'test/fidelity/transport.spec.ts',
    law: 5,
    name: 'the first of two headers counts',
    snippet: 'new Set(single).size !== single.length',
    replacement: 'false',
    test: 'when a request has two Host, then it is refused by name',
  },
  {
    ...states,
    name: 'whoever has a request state may go on with it',
    snippet: "['request-state', server, what, tenantId, objectId, clientApp]",
    replacement: "['request-state', server, what]",
    test: 'when a state is brought for another person',
  },
  {
    ...states,
    name: 'a request state is what its server calls it',
    snippet: 'requestState: this.sealer.seal(requestState, bindingOf(asked, place))',
    replacement: 'requestState',
    test: 'when a server asks for more, then its state is sealed',
  },
  {
    file: `${folder}/question-ids.ts`,
    spec: `${folder}/question-ids.spec.ts`,
    law: 8,
    name: 'anybody may answer what a server asks of one',
    snippet: "['question', server, sessionId, tenantId, objectId, clientApp]",
    replacement: "['question', server]",
    test: 'when another person answers, then the answer is refused',
  },
  {
    file: `${folder}/catalog.ts`,
    spec: `${folder}/catalog.spec.ts`,
    law: 5,
    name: 'what is no list is not filtered',
    snippet: 'if (entry === undefined || items === undefined) return undefined;',
    replacement: 'if (entry === undefined || !Array.isArray(items)) return undefined;',
    test: 'then nothing of it is kept',
  },
  {
    file: 'libs/trust/src/seal.ts',
    spec: 'libs/trust/src/trust.spec.ts',
    law: 8,
    name: 'a sealed name has many spellings',
    snippet: '!isOnlyEncoding(sealed, bytes)',
    replacement: 'false',
    test: 'when a sealed text has another encoding of the same bytes',
  },
];
