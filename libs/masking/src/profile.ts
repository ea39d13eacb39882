import { z } from 'zod';

/** What the detectors can recognise. The order settles which type names a hit when all else is equal. */
export const entityTypes = [
  'PRIVATE_KEY',
  'JWT',
  'SECRET_TOKEN',
  'BASIC_AUTH_URL',
  'CREDIT_CARD',
  'IBAN',
  'EMAIL',
  'US_SSN',
  'IP_ADDRESS',
  'PHONE',
  'GENERIC_SECRET',
] as const;

/** One of the recognised kinds of value. */
export type EntityType = (typeof entityTypes)[number];

const shown = z.int().min(0).max(64);

/** What is done to a recognised value. Partial operators never show more than a third of it. */
const operatorSchema = z.discriminatedUnion('op', [
  z.strictObject({ op: z.literal('redact') }),
  z.strictObject({
    op: z.literal('mask'),
    // A letter or digit as the mask character could itself look like a value.
    char: z
      .string()
      .regex(/^[^A-Za-z0-9\s"\\@]$/)
      .optional(),
  }),
  z.strictObject({ op: z.literal('keep_first'), n: shown }),
  z.strictObject({ op: z.literal('keep_last'), n: shown }),
  z.strictObject({ op: z.literal('email_partial') }),
  z.strictObject({ op: z.literal('hash') }),
]);

/** What is done to a recognised value. */
export type Operator = z.infer<typeof operatorSchema>;

/** Operators by entity type; a type that is absent keeps what its profile says. */
const entityOperatorsSchema = z.partialRecord(z.enum(entityTypes), operatorSchema);

/** Operators by entity type. */
export type EntityOperators = z.infer<typeof entityOperatorsSchema>;

/** From weakest to strictest. */
export const baseProfiles = ['none', 'secrets', 'standard'] as const;

/** What is masked in an answer: a base of detectors, overrides, field rules and the rule for binary content. */
export const maskProfileSchema = z.strictObject({
  profile: z.enum(baseProfiles),
  /** Overrides of, and additions to, the operators of the base. */
  entities: entityOperatorsSchema.default({}),
  /** Operators by JSONPath; a field rule wins over the detectors on the same leaf. */
  fields: z.record(z.string().min(1).max(512), operatorSchema).default({}),
  /** What happens to content that cannot be read as text. */
  binary: z.enum(['pass', 'withhold']).default('withhold'),
  /**
   * Detector operators that hold even under a field rule. Written by `mergeProfiles`, so that one rule's field
   * cannot weaken what another rule's detectors demand.
   */
  floor: entityOperatorsSchema.optional(),
});

/** What is masked in an answer. */
export type MaskProfile = z.infer<typeof maskProfileSchema>;

const redact: Operator = { op: 'redact' };
const lastFour: Operator = { op: 'keep_last', n: 4 };

const secretOperators: EntityOperators = {
  PRIVATE_KEY: redact,
  JWT: redact,
  SECRET_TOKEN: redact,
  BASIC_AUTH_URL: redact,
  GENERIC_SECRET: redact,
};

const baseOperators: Record<MaskProfile['profile'], EntityOperators> = {
  none: {},
  secrets: secretOperators,
  standard: {
    ...secretOperators,
    CREDIT_CARD: lastFour,
    IBAN: lastFour,
    EMAIL: redact,
    US_SSN: redact,
    IP_ADDRESS: redact,
    PHONE: redact,
  },
};

/** The operators of the base with the profile's own overrides applied. */
export function effectiveOperators(
  profile: Pick<MaskProfile, 'profile' | 'entities'>,
): EntityOperators {
  return { ...baseOperators[profile.profile], ...profile.entities };
}
