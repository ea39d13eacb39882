/** A piece of a tool's answer or of a prompt. */
export type Content =
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'image' | 'audio'; readonly data: string; readonly mimeType: string }
  | {
      readonly type: 'resource';
      readonly resource: { readonly uri: string; readonly mimeType: string; readonly text: string };
    };

/** What a tool says of itself. */
interface Definition {
  readonly name: string;
  readonly description: string;
  readonly inputSchema: { readonly type: 'object'; readonly [keyword: string]: unknown };
}

/** What a tool may do to its client while it works; every SDK has its own way. */
export interface Client {
  log(text: string): Promise<void>;
  /** Does nothing when the client gave no token. */
  progress(done: number, total: number): Promise<void>;
  /** Ends the stream that the answer would come on: the client has to fetch it. */
  closeStream(): void;
  toolsChanged(): Promise<void>;
  promptsChanged(): Promise<void>;
}

/** A tool that answers by itself. What it throws is its answer, as an error. */
export interface PlainTool extends Definition {
  run(client: Client, words: Words): Promise<readonly Content[]>;
}

/** Arguments of a call or of a prompt, by name. */
export type Words = Readonly<Record<string, unknown>>;

/** Something that a client is asked before it gets its answer. */
export interface Question {
  readonly method: 'elicitation/create' | 'sampling/createMessage' | 'roots/list';
  readonly params: Readonly<Record<string, unknown>>;
}

/** Questions that are asked together, by key. */
export type Round = Readonly<Record<string, Question>>;

/** Answers of clients, by key. */
export type Answers = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

/** A tool that asks its client, in one round or several, and then answers. */
export interface AskingTool extends Definition {
  rounds(words: Words): readonly Round[];
  /** Whether what was answered so far travels with the client, sealed; several rounds need that. */
  readonly keepsState: boolean;
  /** Asks only for what the client has declared that it can do, instead of failing. */
  readonly asksOnlyDeclared?: true;
  answer(answers: Answers): string;
}

/** The capability that a client must have declared to be asked something. */
export const capabilityOf = {
  'elicitation/create': 'elicitation',
  'sampling/createMessage': 'sampling',
  'roots/list': 'roots',
} as const satisfies Record<Question['method'], string>;

/** True for an answer that has the form of one. */
export function isAnswer({ method }: Question, answer: unknown): boolean {
  if (typeof answer !== 'object' || answer === null) return false;
  if (method === 'elicitation/create') return 'action' in answer;
  return method === 'roots/list' ? 'roots' in answer : 'content' in answer;
}

/** The questions of a round that a client with these capabilities can be asked. */
export function askable(round: Round, capabilities: object): Round {
  const entries = Object.entries(round);
  return Object.fromEntries(
    entries.filter(([, { method }]) => capabilityOf[method] in capabilities),
  );
}

/** A piece of text. */
export const text = (words: string): Content => ({ type: 'text', text: words });
