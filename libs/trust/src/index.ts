export { Signer, Verifier, type Purpose } from './countersignature.js';
export { callDigest, canonicalJson, sha256, type AskedOperation } from './digest.js';
export { newSealKey, newSigningKey, publicKeyOf } from './keys.js';
export { sealContext, Sealer, SealBrokenError } from './seal.js';
