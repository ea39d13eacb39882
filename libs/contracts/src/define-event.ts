import type { z } from 'zod';
import type { Topic } from './topics.js';

/** The services that may publish; each topic has exactly one of them as its writer. */
export type Publisher = 'ingress' | 'policy' | 'approval' | 'masking' | 'audit';

/** What one event is: its name, where it goes, who says it, and the shape of its data. */
export interface EventContract<Schema extends z.ZodObject = z.ZodObject> {
  /** `countersign.<noun>.<past participle>.v<N>`. */
  readonly type: string;
  readonly topic: Topic;
  readonly publishedBy: Publisher;
  /** Record key, and CloudEvents `subject`: what stays in order. */
  readonly key: (data: z.infer<Schema>) => string;
  /** Tells events of one type and one cause apart (part numbers); otherwise absent. */
  readonly discriminator?: (data: z.infer<Schema>) => string;
  /** The one ingress replica that waits for this event, for readers that skip what is not theirs. */
  readonly addressee?: (data: z.infer<Schema>) => string;
  readonly data: Schema;
}

/** The data of an event of this contract, as a reader gets it. */
export type DataOf<C> = C extends EventContract<infer Schema> ? z.infer<Schema> : never;

/** Declares an event. The contract is the only place where its type and topic are written down. */
export function defineEvent<Schema extends z.ZodObject>(
  contract: EventContract<Schema>,
): EventContract<Schema> {
  return contract;
}
