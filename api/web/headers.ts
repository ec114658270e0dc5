import type { FastifyReply } from 'fastify';

const NOTHING_ELSE = ["base-uri 'none'", "frame-ancestors 'none'"];

/** Of answers that are data: where one is shown as a page, it can load and run nothing. */
const DATA_POLICY = ["default-src 'none'", ...NOTHING_ELSE].join('; ');

/** Of pages of ours: what they load is served here, and nothing of it is inline. */
const PAGE_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "font-src 'self'",
  "manifest-src 'self'",
  "form-action 'self'",
  ...NOTHING_ELSE,
].join('; ');

/** Of pages that others made and that set styles in their markup. */
export const STYLED_PAGE_POLICY = PAGE_POLICY.replace("style-src 'self'", "style-src 'self' 'unsafe-inline'");

/** For every answer; pages say more. */
export function protect(reply: FastifyReply): void {
  reply.headers({
    'content-security-policy': DATA_POLICY,
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    'cross-origin-resource-policy': 'same-origin',
  });
}

export function protectPage(reply: FastifyReply, policy: string = PAGE_POLICY): void {
  reply.headers({
    'content-security-policy': policy,
    'cross-origin-opener-policy': 'same-origin',
    'x-frame-options': 'DENY',
  });
}
