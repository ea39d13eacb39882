import { z } from 'zod';

/** `public` facts anyone with access to the record may read; `sensitive` (masked copies) auditors only; `secret` never leaves the bus. */
export type Classification = 'public' | 'sensitive' | 'secret';

const attribute = 'x-classification';

/** Marks a field whose value is metadata: ids, names of servers and tools, times, outcomes. */
export function publicField<T extends z.ZodType>(schema: T): T {
  return schema.meta({ [attribute]: 'public' });
}

/** Marks a field that holds a masked copy of arguments or answers, or a person's name. */
export function sensitiveField<T extends z.ZodType>(schema: T): T {
  return schema.meta({ [attribute]: 'sensitive' });
}

/** The classification of a field. A field that nobody marked is secret. */
export function classificationOf(schema: z.ZodType): Classification {
  const mark = schema.meta()?.[attribute];
  return mark === 'public' || mark === 'sensitive' ? mark : 'secret';
}

/** What stands in place of a value that the reader may not see. */
export const redactedMark = '[redacted]';

/**
 * A copy of `data` with only the fields that are classified in `visible`; the others become
 * {@link redactedMark}. Members that the schema does not know are dropped: unmarked is secret.
 */
export function redactFields(
  schema: z.ZodObject,
  data: Readonly<Record<string, unknown>>,
  visible: readonly Classification[],
): Record<string, unknown> {
  const present = fieldsOf(schema).filter(([name]) => name in data);
  return Object.fromEntries(
    present.map(([name, classification]) => [
      name,
      visible.includes(classification) ? data[name] : redactedMark,
    ]),
  );
}

type Field = readonly [name: string, classification: Classification];

/** Schemas do not change, and looking a mark up costs more than a whole event may. */
const known = new WeakMap<z.ZodObject, readonly Field[]>();

function fieldsOf(schema: z.ZodObject): readonly Field[] {
  const fields =
    known.get(schema) ??
    Object.entries(schema.shape).map(([name, field]): Field => [
      name,
      field instanceof z.ZodType ? classificationOf(field) : 'secret',
    ]);
  known.set(schema, fields);
  return fields;
}
