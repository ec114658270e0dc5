import { inspect } from 'node:util';
import { expect, test } from 'vitest';
import { networkFailure } from './failure.ts';

const never = new AbortController().signal;
const failing = (code: string, more: object = {}): Error =>
  Object.assign(new Error(`it failed: ${code}`), { code, ...more });

test.each([
  ['ENOTFOUND', 'registry-unknown'],
  ['EAI_AGAIN', 'registry-unreachable'],
  ['ECONNREFUSED', 'registry-unreachable'],
  ['UND_ERR_CONNECT_TIMEOUT', 'registry-unreachable'],
  ['UND_ERR_HEADERS_TIMEOUT', 'registry-unreachable'],
  ['SELF_SIGNED_CERT_IN_CHAIN', 'registry-untrusted'],
  ['ERR_TLS_CERT_ALTNAME_INVALID', 'registry-untrusted'],
  ['ERR_SSL_WRONG_VERSION_NUMBER', 'registry-untrusted'],
])('%s is %s', (code, expected) => {
  expect(networkFailure(failing(code), 'registry.test:5000', never)).toMatchObject({
    code: expected,
    message: expect.stringContaining('registry.test:5000'),
  });
});

test('what undici throws through a proxy is judged by what it wraps', () => {
  const wrapped = failing('UND_ERR_PRX_TLS', { cause: failing('CERT_HAS_EXPIRED') });
  expect(networkFailure(wrapped, 'registry.test', never)).toMatchObject({
    code: 'registry-untrusted',
    message: expect.stringContaining('CERT_HAS_EXPIRED'),
  });
});

test('the bytes that a parser error carries do not go along', () => {
  const error = networkFailure(failing('HPE_INVALID_CONSTANT', { data: 'PLANTED' }), 'registry.test', never);
  expect(inspect(error, { depth: 9, showHidden: true })).not.toContain('PLANTED');
});

test('a signal that fired is the reason, whatever else was thrown', () => {
  const aborted = AbortSignal.abort(new DOMException('late', 'TimeoutError'));
  expect(networkFailure(failing('ECONNRESET'), 'registry.test', aborted)).toMatchObject({ code: 'deadline-exceeded' });
});
