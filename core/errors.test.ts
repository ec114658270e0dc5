import { describe, expect, it } from 'vitest';
import { ERROR_CODES, type ErrorCode } from './error-codes.ts';
import { adviceOf, asStowageError, dispositionOf, isErrorCode, statusOf, StowageError } from './errors.ts';

describe('the catalogue of errors', () => {
  const codes = Object.keys(ERROR_CODES) as ErrorCode[];

  it.each(codes)('%s has a status, a disposition and advice', (code) => {
    expect(statusOf(code)).toBeGreaterThanOrEqual(400);
    expect(['retry', 'fatal']).toContain(dispositionOf(code));
    expect(adviceOf(code)).toMatch(/\S{3}/);
  });

  it('kinds decide, where a code does not say otherwise', () => {
    expect(
      ['request-invalid', 'volume-in-use', 'operation-unsupported', 'vcenter-no-permission'].map((code) =>
        dispositionOf(code as ErrorCode),
      ),
    ).toEqual(['fatal', 'fatal', 'fatal', 'fatal']);
    expect(
      ['file-locked', 'vcenter-busy', 'vcenter-conflict', 'record-stale', 'internal-error'].map((code) =>
        dispositionOf(code as ErrorCode),
      ),
    ).toEqual(['retry', 'retry', 'retry', 'retry', 'retry']);
    expect([statusOf('volume-in-use'), statusOf('idempotency-key-reused'), statusOf('file-locked')]).toEqual([
      409, 422, 503,
    ]);
  });

  it('what is not an error of ours becomes internal, with its cause', () => {
    const cause = new TypeError('boom');
    const error = asStowageError(cause);
    expect(error).toMatchObject({ code: 'internal-error', kind: 'internal', message: 'boom', cause });
    expect(asStowageError(error)).toBe(error);
    expect(asStowageError('text').message).toBe('text');
  });

  it('facts are plain JSON without the cause', () => {
    const error = new StowageError('volume-in-use', 'held', { holder: 'vm-1', cause: new Error('secret') });
    expect(JSON.parse(JSON.stringify(error.facts))).toEqual({
      kind: 'conflict',
      code: 'volume-in-use',
      message: 'held',
      holder: 'vm-1',
    });
    expect(isErrorCode(error, 'volume-in-use', 'volume-busy')).toBe(true);
    expect(isErrorCode(error, 'volume-busy')).toBe(false);
    expect(isErrorCode(new Error('x'), 'volume-busy')).toBe(false);
  });
});
