export type { Json } from './json.js';
export { MaskingError, type MaskingErrorCode } from './error.js';
export {
  entityTypes,
  maskProfileSchema,
  type EntityType,
  type MaskProfile,
  type Operator,
} from './profile.js';
export { mergeProfiles } from './merge.js';
export { compileProfile, type CompiledProfile } from './compile.js';
export { maskText, maskValue, type MaskResult, type MaskTextResult } from './masking.js';
export type { MaskOptions, MaskPosition } from './run.js';
export { maskedWords } from './masked-words.js';
