import { z } from 'zod';
import type { DefinitionKind } from './call-shapes.js';

/** What a definition is of. */
export interface DefinitionPlace {
  readonly server: string;
  readonly kind: DefinitionKind;
  readonly name: string;
}

/** Names that can be stored and compared. They may hold what hides or reorders: whoever shows one writes that out. */
export const definitionNameSchema = z
  .string()
  .max(256)
  .regex(/^[^\p{Cc}\p{Cs}]*$/u);

/** Names a definition, in a key and in an address. */
export function definitionKey({ server, kind, name }: DefinitionPlace): string {
  return [server, kind, name].map((each) => encodeURIComponent(each)).join('/');
}
