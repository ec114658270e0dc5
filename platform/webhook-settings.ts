import { isIP } from 'node:net';
import { z } from 'zod';
import { parsedBy, type Setting } from './setting.ts';

/** Where webhooks may go. */
export const WEBHOOK_SETTINGS = {
  STOWAGE_WEBHOOK_ALLOW_PRIVATE: {
    schema: parsedBy(parseAllowedBlocks),
    type: 'list',
    example: '10.20.0.0/16,fd12:3456::/32',
    defaultText: 'none',
    description:
      'Blocks of addresses, separated by commas, that webhooks may reach although they are private, loopback, link-local or otherwise ' +
      'not public; `*` for all. Whoever may make a webhook can send requests there.',
  },
  STOWAGE_WEBHOOK_ALLOW_HTTP: {
    schema: parsedBy(parseFlag),
    type: '`true`, `false`',
    example: 'false',
    fallback: 'false',
    description: 'Whether webhooks may have `http://` URLs. They are signed, but anybody on the way can read them.',
  },
  STOWAGE_WEBHOOK_CA_FILE: {
    schema: z.string(),
    type: 'path',
    example: '/etc/stowage/webhook-ca.pem',
    isCertificate: true,
    description:
      'PEM certificates of authorities that may have signed those of receivers, beside the ones Node.js knows. Read by the workers.',
  },
} as const satisfies Readonly<Record<string, Setting>>;

/** @throws {RangeError} */
function parseAllowedBlocks(text: string): readonly string[] | '*' {
  if (text.trim() === '*') return '*';
  return text
    .split(',')
    .map((each) => each.trim())
    .filter((each) => each !== '')
    .map((each) => {
      const [address = '', prefix, ...more] = each.split('/');
      const bits = isIP(address) === 4 ? 32 : 128;
      const isPrefix = prefix === undefined || (/^\d{1,3}$/.test(prefix) && Number(prefix) <= bits);
      const isBlock = isIP(address) !== 0 && isPrefix && more.length === 0;
      if (!isBlock) throw new RangeError(`"${each}" is not an address or a block of addresses (10.0.0.0/8)`);
      return each;
    });
}

/** @throws {RangeError} */
function parseFlag(text: string): boolean {
  if (text !== 'true' && text !== 'false') throw new RangeError('must be true or false');
  return text === 'true';
}
