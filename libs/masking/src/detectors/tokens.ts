import { isWordAt, type Candidate, type Detector, type Finding } from './detector.js';

interface Vendor {
  readonly literal: string;
  readonly pattern: RegExp;
  /** The part of an example behind the literal. */
  readonly sample: string;
}

const letters = 'a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8s9T0u1V2w3X4y5Z6';
const upper = 'A1B2C3D4E5F6G7H8';
const hex = '0a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f9';

/** Tokens whose makers mark them with a prefix. Examples are composed, so that no scanner takes them for real. */
const vendors: readonly Vendor[] = [
  { literal: 'AKIA', pattern: /AKIA[A-Z0-9]{16}/g, sample: upper },
  { literal: 'ASIA', pattern: /ASIA[A-Z0-9]{16}/g, sample: upper },
  ...['ghp_', 'gho_', 'ghu_', 'ghs_', 'ghr_'].map((literal) => ({
    literal,
    pattern: new RegExp(`${literal}[A-Za-z0-9]{36,255}`, 'g'),
    sample: letters.slice(0, 36),
  })),
  { literal: 'github_pat_', pattern: /github_pat_[A-Za-z0-9_]{22,255}/g, sample: letters },
  { literal: 'glpat-', pattern: /glpat-[A-Za-z0-9_-]{20,300}/g, sample: letters.slice(0, 20) },
  { literal: 'xox', pattern: /xox[abeoprs]-[A-Za-z0-9-]{10,255}/g, sample: `b-12345-${letters}` },
  { literal: 'xapp-', pattern: /xapp-\d-[A-Za-z0-9-]{10,255}/g, sample: `1-${letters}` },
  { literal: '_live_', pattern: /[sr]k_live_[A-Za-z0-9]{16,255}/g, sample: '' },
  { literal: '_test_', pattern: /[sr]k_test_[A-Za-z0-9]{16,255}/g, sample: '' },
  { literal: 'whsec_', pattern: /whsec_[A-Za-z0-9+/]{24,255}/g, sample: letters },
  {
    literal: 'sk-',
    pattern: /sk-(?:ant-|proj-|svcacct-|or-v1-)?[A-Za-z0-9_-]{20,255}/g,
    sample: `proj-${letters}`,
  },
  { literal: 'AIza', pattern: /AIza[A-Za-z0-9_-]{35}/g, sample: letters.slice(0, 35) },
  { literal: 'ya29.', pattern: /ya29\.[A-Za-z0-9_-]{20,1000}/g, sample: letters },
  { literal: 'GOCSPX-', pattern: /GOCSPX-[A-Za-z0-9_-]{28}/g, sample: letters.slice(0, 28) },
  { literal: 'npm_', pattern: /npm_[A-Za-z0-9]{36}/g, sample: letters.slice(0, 36) },
  { literal: 'pypi-', pattern: /pypi-[A-Za-z0-9_-]{50,1000}/g, sample: letters },
  {
    literal: 'SG.',
    pattern: /SG\.[A-Za-z0-9_-]{16,32}\.[A-Za-z0-9_-]{32,64}/g,
    sample: `${letters.slice(0, 22)}.${letters.slice(0, 43)}`,
  },
  { literal: 'dop_v1_', pattern: /dop_v1_[a-f0-9]{64}/g, sample: hex },
  { literal: 'hf_', pattern: /hf_[A-Za-z0-9]{30,64}/g, sample: letters.slice(0, 34) },
  {
    literal: 'shp',
    pattern: /shp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}/g,
    sample: `at_${hex.slice(0, 32)}`,
  },
  {
    literal: 'sq0',
    pattern: /sq0[a-z]{3}-[A-Za-z0-9_-]{22,43}/g,
    sample: `atp-${letters.slice(0, 22)}`,
  },
  { literal: 'hvs.', pattern: /hvs\.[A-Za-z0-9_-]{24,300}/g, sample: letters },
  { literal: 'dapi', pattern: /dapi[a-f0-9]{32}(?:-\d)?/g, sample: hex.slice(0, 32) },
  { literal: 'lin_api_', pattern: /lin_api_[A-Za-z0-9]{40}/g, sample: letters.slice(0, 40) },
  { literal: 'figd_', pattern: /figd_[A-Za-z0-9_-]{40,64}/g, sample: letters.slice(0, 40) },
  {
    literal: 'PMAK-',
    pattern: /PMAK-[a-f0-9]{24}-[a-f0-9]{34}/g,
    sample: `${hex.slice(0, 24)}-${hex.slice(0, 34)}`,
  },
  {
    literal: 'glsa_',
    pattern: /glsa_[A-Za-z0-9]{32}_[a-f0-9]{8}/g,
    sample: `${letters.slice(0, 32)}_${hex.slice(0, 8)}`,
  },
  { literal: 'ATATT3', pattern: /ATATT3[A-Za-z0-9_=-]{40,300}/g, sample: letters },
  {
    literal: 'AGE-SECRET-KEY-1',
    pattern: /AGE-SECRET-KEY-1[A-Z0-9]{58}/g,
    sample: upper.repeat(4).slice(0, 58),
  },
  {
    literal: 'hooks.slack.com/',
    pattern: /hooks\.slack\.com\/services\/T[A-Z0-9]{6,14}\/B[A-Z0-9]{6,14}\/[A-Za-z0-9]{20,30}/g,
    sample: `services/T${upper.slice(0, 8)}/B${upper.slice(0, 8)}/${letters.slice(0, 24)}`,
  },
  { literal: 'Q~', pattern: /[A-Za-z0-9_~.]{3}[78]Q~[A-Za-z0-9_~.-]{31,34}/g, sample: '' },
  { literal: ':AA', pattern: /\d{8,10}:AA[A-Za-z0-9_-]{33}/g, sample: '' },
];

/** The sample of those whose literal stands in the middle. */
const innerSamples: Readonly<Record<string, string>> = {
  _live_: `sk_live_${letters.slice(0, 24)}`,
  _test_: `rk_test_${letters.slice(0, 24)}`,
  'Q~': `abc8Q~${letters.slice(0, 34)}`,
  ':AA': `123456789:AA${letters.slice(0, 33)}`,
};

function refineToken({ text, start, end }: Candidate): Finding | undefined {
  if (isWordAt(text, start - 1) || isWordAt(text, end)) return undefined;
  // A name that happens to begin alike has no digit, or is words joined by dashes.
  const value = text.slice(start, end);
  return /\d/.test(value) && !/^sk-(?:[a-z]{1,20}-){2,12}[a-z0-9]{0,20}$/.test(value)
    ? { start, end }
    : undefined;
}

/** Credentials that carry their maker's mark. */
export const tokens: readonly Detector[] = vendors.map(({ literal, pattern, sample }) => {
  const example = innerSamples[literal] ?? literal + sample;
  return {
    type: 'SECRET_TOKEN',
    score: 0.95,
    needs: { longestRun: 18 },
    literals: [literal],
    pattern,
    refine: refineToken,
    vectors: {
      match: [`export KEY='«${example}»'`],
      noMatch: [`${literal}example`, `x${example}`],
    },
  };
});
