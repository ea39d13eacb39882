import { expect, test } from 'vitest';
import type { AnswerPart, Forwarding, Question } from '../gate/call.js';
import type { Json } from '#masking';
import { openForwarding } from './upstream.suite.js';
import { onWayBack, refusedQuestion } from './way-back.js';

async function* parts(...contents: readonly Json[]): AsyncGenerator<AnswerPart> {
  for (const [index, content] of contents.entries()) {
    yield { content, last: index === contents.length - 1, mark: { id: `raw-${index}` } };
  }
}

async function told(
  said: AsyncIterable<AnswerPart>,
  lets: Forwarding['lets'] = async () => true,
  offersTasks = false,
) {
  const refused: Json[] = [];
  const heard: AnswerPart[] = [];
  const way = {
    forwarding: { ...openForwarding, lets },
    label: { callId: 'call', id: 9 },
    offersTasks,
    mark: () => ({ id: 'sealed' }),
    withOwnNames: (each: Json) => each,
    refuse: async (question: Json) => void refused.push(question),
  };
  for await (const part of onWayBack(said, way)) heard.push(part);
  return { refused, contents: heard.map(({ content }) => content), heard };
}

const sampling = { jsonrpc: '2.0', id: 's-1', method: 'sampling/createMessage', params: { a: 1 } };
const answer = { jsonrpc: '2.0', id: 'call', result: {} };

test('when a server asks its caller, then policy is asked first, about all that it says', async () => {
  const asked: Question[] = [];
  const { contents } = await told(
    parts({ ...sampling, extra: 2, params: { a: 1, _meta: { b: 3 } } }, answer),
    async (question) => asked.push(question) > 0,
  );

  expect(asked).toMatchObject([
    {
      method: 'sampling/createMessage',
      arguments: { a: 1 },
      extras: { envelope: { extra: 2 }, meta: { b: 3 } },
    },
  ]);
  expect(contents).toHaveLength(2);
});

test('when policy refuses the question, then the client never sees it and the server is told', async () => {
  const { contents, refused } = await told(parts(sampling, answer), async () => false);

  expect(contents).toEqual([{ ...answer, id: 9 }]);
  expect(refused).toEqual([sampling]);
  expect(refusedQuestion(sampling)).toMatchObject({ id: 's-1', error: { code: 4030 } });
});

test('when an answer asks what policy refuses, then it is withheld', async () => {
  const inputRequests = { one: { method: 'elicitation/create', params: {} } };
  const said = { ...answer, result: { resultType: 'input_required', inputRequests } };

  await expect(told(parts(said), async () => false)).rejects.toMatchObject({ code: 'DENIED' });
  await expect(
    told(parts({ ...said, result: { ...said.result, inputRequests: { one: 'odd' } } })),
  ).rejects.toMatchObject({ code: 'DENIED' });
  expect((await told(parts(said))).contents).toEqual([{ ...said, id: 9 }]);
});

test.each<[string, Json]>([
  [
    'a task that waits for input',
    { resultType: 'complete', taskId: 't', status: 'input_required' },
  ],
  ['an answer of no known kind', {}],
])('when %s asks what policy refuses, then it is withheld', async (_, result) => {
  const inputRequests = { one: { method: 'elicitation/create', params: {} } };
  const said = (asked: Json) => ({
    ...answer,
    result: { ...Object(result), inputRequests: asked },
  });

  const asked: Question[] = [];
  await told(parts(said(inputRequests)), async (question) => asked.push(question) > 0);
  expect(asked).toMatchObject([{ method: 'elicitation/create' }]);
  const refused = { code: 'DENIED' };
  await expect(told(parts(said(inputRequests)), async () => false)).rejects.toMatchObject(refused);
  await expect(told(parts(said([inputRequests.one])))).rejects.toMatchObject(refused);
});

test('when the news of a task ask what policy refuses, then nobody is told of them', async () => {
  const inputRequests = { one: { method: 'elicitation/create', params: {} } };
  const params = { taskId: 't', status: 'input_required', inputRequests };
  const news = { jsonrpc: '2.0', method: 'notifications/tasks', params };

  expect((await told(parts(news, answer), async () => false)).contents).toEqual([
    { ...answer, id: 9 },
  ]);
  expect((await told(parts(news, answer))).contents).toEqual([news, { ...answer, id: 9 }]);
});

test('when a server asks without end, then nothing more is judged, and the call ends', async () => {
  let judged = 0;
  const lets = async () => (judged += 1) < 0;
  const flood = Array.from({ length: 1200 }, (_, id) => ({ ...sampling, id }));

  const failure = { code: 'UPSTREAM_UNREADABLE', executed: 'yes' };
  await expect(told(parts(...flood, answer), lets)).rejects.toMatchObject(failure);
  expect(judged).toBe(1000);
});

test('when a server numbers its events, then the client gets our names for them, never the server’s', async () => {
  const { heard } = await told(parts(answer));

  expect(heard.map(({ mark }) => mark)).toEqual([{ id: 'sealed' }]);
});

test('when a server lets anybody keep its answer, then the client hears that it is for itself alone', async () => {
  const open = { ...answer, result: { tools: [], ttlMs: 5000, cacheScope: 'public' } };

  expect((await told(parts(open))).contents).toEqual([
    { ...answer, id: 9, result: { tools: [], ttlMs: 5000, cacheScope: 'private' } },
  ]);
});
