import { askName, elicit, roots, sample } from './questions.js';
import type { Answers, AskingTool, Round } from './tool.js';

const noArguments = { type: 'object', properties: {} } as const;

const confirm = elicit('Please confirm', { ok: { type: 'boolean' } }, ['ok']);

/** What was elicited, as the client filled it in. */
function filledIn(answers: Answers, key: string): string {
  const { action, content } = answers[key] ?? {};
  return `action=${String(action)}, content=${JSON.stringify(content ?? {})}`;
}

const defaultsOfEveryKind = elicit('Please fill in', {
  name: { type: 'string', description: 'Name', default: 'John Doe' },
  age: { type: 'integer', description: 'Age', default: 30 },
  score: { type: 'number', description: 'Score', default: 95.5 },
  status: { type: 'string', enum: ['active', 'inactive', 'pending'], default: 'active' },
  verified: { type: 'boolean', description: 'Verified', default: true },
});

const titled = (what: string) =>
  ['First', 'Second', 'Third'].map((which, at) => ({
    const: `value${at + 1}`,
    title: `${which} ${what}`,
  }));
const options = ['option1', 'option2', 'option3'];

const enumsOfEveryKind = elicit('Please choose', {
  untitledSingle: { type: 'string', enum: options },
  titledSingle: { type: 'string', oneOf: titled('Option') },
  legacyEnum: {
    type: 'string',
    enum: ['opt1', 'opt2', 'opt3'],
    enumNames: ['Option One', 'Option Two', 'Option Three'],
  },
  untitledMulti: { type: 'array', items: { type: 'string', enum: options } },
  titledMulti: { type: 'array', items: { anyOf: titled('Choice') } },
});

/** Tools that both eras call. */
const oftenAsking: readonly AskingTool[] = [
  {
    name: 'test_sampling',
    description: "Asks the client's model.",
    inputSchema: {
      type: 'object',
      properties: { prompt: { type: 'string' } },
      required: ['prompt'],
    },
    keepsState: false,
    rounds: ({ prompt }) => [{ sampled: sample(String(prompt)) }],
    answer: ({ sampled }) => `LLM response: ${JSON.stringify(sampled?.['content'])}`,
  },
  {
    name: 'test_elicitation',
    description: 'Asks the user.',
    inputSchema: {
      type: 'object',
      properties: { message: { type: 'string' } },
      required: ['message'],
    },
    keepsState: false,
    rounds: ({ message }) => [
      {
        user: elicit(
          String(message),
          {
            username: { type: 'string', description: "User's response" },
            email: { type: 'string', description: "User's email address" },
          },
          ['username', 'email'],
        ),
      },
    ],
    answer: (answers) => `User response: ${filledIn(answers, 'user')}`,
  },
  asking('test_elicitation_sep1034_defaults', 'Asks with defaults.', { user: defaultsOfEveryKind }),
  asking('test_elicitation_sep1330_enums', 'Asks with choices.', { user: enumsOfEveryKind }),
  asking('test_missing_capability', 'Needs a client with a model.', { user: sample('Anything') }),
  asking('test_streaming_elicitation', 'Asks in the middle of its work.', { user: confirm }),
];

/** Tools that clients of the stateless era call. */
const statelessAsking: readonly AskingTool[] = [
  {
    ...asking('test_input_required_result_elicitation', 'Asks the user.', { user_name: askName }),
    answer: ({ user_name }) => `Hello, ${JSON.stringify(user_name?.['content'])}!`,
  },
  asking('test_input_required_result_sampling', "Asks the client's model.", {
    capital_question: sample('What is the capital of France?'),
  }),
  asking('test_input_required_result_list_roots', "Asks for the client's roots.", {
    client_roots: roots,
  }),
  {
    ...asking('test_input_required_result_request_state', 'Remembers what it asked.', { confirm }),
    keepsState: true,
    answer: () => 'state-ok',
  },
  {
    ...asking('test_input_required_result_multiple_inputs', 'Asks three things at once.', {
      user_name: askName,
      greeting: sample('Generate a greeting', 50),
      client_roots: roots,
    }),
    keepsState: true,
  },
  {
    ...asking('test_input_required_result_multi_round', 'Asks twice.', {}),
    keepsState: true,
    rounds: () => [
      { step1: elicit('Step 1: What is your name?', { name: { type: 'string' } }, ['name']) },
      {
        step2: elicit('Step 2: What is your favorite color?', { color: { type: 'string' } }, [
          'color',
        ]),
      },
    ],
  },
  {
    ...asking('test_input_required_result_tampered_state', 'Knows its own state.', { confirm }),
    keepsState: true,
  },
  {
    ...asking('test_input_required_result_capabilities', 'Asks only what the client can.', {
      user_name: askName,
      greeting: sample('Generate a greeting'),
    }),
    asksOnlyDeclared: true,
  },
];

/** Tools that ask their client before they answer, in the call itself. */
export const callAskingTools = [...oftenAsking, ...statelessAsking];

/** What `test_input_required_result_prompt` asks. */
export const promptRound: Round = {
  user_context: elicit('What context should the prompt use?', { context: { type: 'string' } }, [
    'context',
  ]),
};

function asking(name: string, description: string, round: Round): AskingTool {
  return {
    name,
    description,
    inputSchema: noArguments,
    keepsState: false,
    rounds: () => [round],
    answer: (answers) => `Elicitation completed: ${summary(answers)}`,
  };
}

function summary(answers: Answers): string {
  const [only, ...others] = Object.keys(answers);
  const isOnlyUser = only === 'user' && others.length === 0;
  return isOnlyUser ? filledIn(answers, 'user') : JSON.stringify(answers);
}
