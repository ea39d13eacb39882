import type { Mutant } from './mutant.js';

const folder = 'services/ingress/src/mcp';
const events = { file: `${folder}/event-ids.ts`, spec: `${folder}/event-ids.spec.ts`, law: 8 };
const tasks = { file: `${folder}/task-ids.ts`, spec: `${folder}/task-ids.spec.ts`, law: 8 };
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
    snippet: 'isQuestion(content) && !(await forwarding.lets(questionOf(content)))',
    replacement: 'false as boolean',
    test: 'when policy refuses the question, then the client never sees it',
  },
  {
    ...way,
    name: 'an answer asks what policy refuses',
    snippet: 'if (last) await checkInputRequests(content, forwarding);',
    replacement: '',
    test: 'when an answer asks what policy refuses, then it is withheld',
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
    file: 'libs/trust/src/seal.ts',
    spec: 'libs/trust/src/trust.spec.ts',
    law: 8,
    name: 'a sealed name has many spellings',
    snippet: '!isOnlyEncoding(sealed, bytes)',
    replacement: 'false',
    test: 'when a sealed text has another encoding of the same bytes',
  },
];
