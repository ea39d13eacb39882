import { z } from 'zod';

/** The smallest of the sizes that are documented for Teams. */
const maxBytes = 28 * 1024;
const mostActions = 6;

const elements = new Set([
  'ActionSet',
  'Column',
  'ColumnSet',
  'Container',
  'FactSet',
  'Input.ChoiceSet',
  'Input.Text',
  'Input.Toggle',
  'RichTextBlock',
  'TextBlock',
  'TextRun',
]);
const actions = new Set(['Action.Execute', 'Action.OpenUrl', 'Action.ShowCard', 'Action.Submit']);

const cardSchema = z.looseObject({
  type: z.literal('AdaptiveCard'),
  version: z.enum(['1.0', '1.1', '1.2', '1.3', '1.4', '1.5']),
  body: z.array(z.unknown()),
  actions: z.array(z.unknown()).max(mostActions).optional(),
});
const nodeSchema = z.looseObject({ type: z.string() });

/** An action of a card that a bot is told of. */
export interface ExecuteAction {
  readonly title: string;
  readonly verb: string;
  readonly data: Readonly<Record<string, unknown>>;
}

const executeSchema = z.looseObject({
  type: z.literal('Action.Execute'),
  title: z.string().min(1),
  verb: z.string().min(1),
  data: z.record(z.string(), z.unknown()).default({}),
});
const openUrlSchema = z.looseObject({
  type: z.literal('Action.OpenUrl'),
  title: z.string().min(1),
  url: z.url({ protocol: /^https?$/ }),
});
const inputSchema = z.looseObject({ type: z.string().startsWith('Input.'), id: z.string().min(1) });

/** Everything with a type that a value holds, the value itself included. */
function nodesOf(value: unknown): Record<string, unknown>[] {
  if (Array.isArray(value)) return value.flatMap(nodesOf);
  const node = z.record(z.string(), z.unknown()).safeParse(value).data;
  if (node === undefined) return [];
  // Data of an action belong to the bot; whatever they hold is no element.
  const inner = Object.entries(node).flatMap(([name, each]) =>
    name === 'data' ? [] : nodesOf(each),
  );
  return typeof node['type'] === 'string' ? [node, ...inner] : inner;
}

/** What Teams would not take or not show; undefined for a card that is well. */
export function mistakeIn(card: unknown): string | undefined {
  const parsed = cardSchema.safeParse(card);
  if (!parsed.success) return z.prettifyError(parsed.error);
  if (Buffer.byteLength(JSON.stringify(card)) > maxBytes) return 'too large';
  const nodes = nodesOf([parsed.data.body, parsed.data.actions ?? []]);
  const ids = inputsOf(card);
  if (new Set(ids).size !== ids.length) return 'two inputs of one id';
  return nodes.map(mistakeOf).find((mistake) => mistake !== undefined);
}

function mistakeOf(node: Record<string, unknown>): string | undefined {
  const type = nodeSchema.parse(node).type;
  if (!elements.has(type) && !actions.has(type)) return `unknown element ${type}`;
  const schemas = new Map<string, z.ZodType>([
    ['Action.Execute', executeSchema],
    ['Action.OpenUrl', openUrlSchema],
  ]);
  const schema = type.startsWith('Input.') ? inputSchema : schemas.get(type);
  return schema === undefined || schema.safeParse(node).success ? undefined : `malformed ${type}`;
}

/** The universal actions of a card. */
export function actionsOf(card: unknown): readonly ExecuteAction[] {
  return nodesOf(card).flatMap((node) => executeSchema.safeParse(node).data ?? []);
}

/** Ids of the inputs of a card. */
export function inputsOf(card: unknown): readonly string[] {
  return nodesOf(card).flatMap((node) => inputSchema.safeParse(node).data?.id ?? []);
}

/** Every text of a card in the order of reading, one line for each element. */
export function linesOf(card: unknown): readonly string[] {
  return nodesOf(card).flatMap((node) => {
    if (node['type'] === 'TextBlock') return [String(node['text'])];
    if (node['type'] !== 'RichTextBlock' || !Array.isArray(node['inlines'])) return [];
    return [
      nodesOf(node['inlines'])
        .map((run) => String(run['text']))
        .join(''),
    ];
  });
}
