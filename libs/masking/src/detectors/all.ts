import type { Detector } from './detector.js';
import { card } from './card.js';
import { email } from './email.js';
import { iban } from './iban.js';
import { ipv4, ipv6 } from './ip.js';
import { jwt } from './jwt.js';
import { phone } from './phone.js';
import { privateKey } from './private-key.js';
import { assignedSecret, basicAuthUrl, bearer, secretByKey } from './secrets.js';
import { bareSsn, ssn } from './ssn.js';
import { tokens } from './tokens.js';

/** Every detector there is. */
export const allDetectors: readonly Detector[] = [
  privateKey,
  jwt,
  ...tokens,
  basicAuthUrl,
  card,
  iban,
  email,
  ssn,
  bareSsn,
  ipv4,
  ipv6,
  phone,
  secretByKey,
  assignedSecret,
  bearer,
];
