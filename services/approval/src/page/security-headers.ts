/**
 * Nothing but our own files, no frames, no markup made by script. The policy names no other origin: the way to
 * Entra is a link, never a form.
 */
const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join('; ');

/**
 * Headers of every answer. The referrer stays on our origin; `no-referrer` would make browsers send
 * `Origin: null` with our own forms (Fetch standard, "append a request Origin header"), and no check could tell them
 * from a stranger's.
 */
export const securityHeaders = {
  'content-security-policy': contentSecurityPolicy,
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'same-origin',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
} as const;
