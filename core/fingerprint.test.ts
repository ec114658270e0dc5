import { describe, expect, it } from 'vitest';
import type { ErrorCode } from './error-codes.ts';
import { StowageError } from './errors.ts';
import { fingerprintOf } from './fingerprint.ts';
import { resourceKey } from './ids.ts';

interface Death {
  readonly message: string;
  readonly code?: ErrorCode;
  readonly step?: string;
  readonly fault?: string;
  readonly volume?: string;
  readonly payload?: Readonly<Record<string, string>>;
}

function printOf({
  message,
  code = 'volume-in-use',
  step = 'check',
  fault,
  volume = 'demo',
  payload = {},
}: Death): string {
  const details = fault === undefined ? {} : { fault: { type: fault, message } };
  const { facts } = new StowageError(code, message, details);
  return fingerprintOf(facts, step, { resources: [resourceKey('volume', volume)], payload, notes: {} });
}

describe('the fingerprint of a dead letter', () => {
  it('has 16 hexadecimal digits', () => {
    expect(printOf({ message: 'anything' })).toMatch(/^[0-9a-f]{16}$/);
  });

  it.each<[string, Death, Death]>([
    [
      'the names of resources',
      { volume: 'music', message: 'volume music is in use' },
      { volume: 'films', message: 'volume films is in use' },
    ],
    [
      'names that hold other names',
      { volume: 'music', payload: { machine: 'music-box' }, message: 'music is in music-box, not in music' },
      { volume: 'films', payload: { machine: 'cinema' }, message: 'films is in cinema, not in films' },
    ],
    [
      'names that nobody knows but the message',
      { message: 'the disk is not in machine lab-vm-1 any more' },
      { message: 'the disk is not in machine left any more' },
    ],
    ['quoted names', { message: 'there is no "left" here' }, { message: 'there is no "right one" here' }],
    [
      'paths on datastores',
      { message: 'cannot lock [shared-1] stowage/volumes/a/a.vmdk: busy' },
      { message: 'cannot lock [slow one] other/b.vmdk: busy' },
    ],
    ['paths of Linux', { message: 'cannot open /var/lib/a: busy' }, { message: 'cannot open /tmp: busy' }],
    [
      'addresses',
      { message: 'https://a.example/sdk answered with HTTP 503' },
      { message: 'http://[::1]:80/ answered with HTTP 502' },
    ],
    [
      'references of images',
      { message: 'manifest for docker.io/library/busybox:latest not found' },
      { message: 'manifest for quay.io/other/thing not found' },
    ],
    ['numbers', { message: 'has 10 bytes free of 20.5 GB' }, { message: 'has 11 bytes free of 7 GB' }],
    [
      'ids and digests',
      { message: 'job 01KC3Z6K3V6M0W3Q5E5Z1Z7X0A, sha256:0a1b2c3d of 52b1f7c2-64a5-4ce4-9a1e-5a4a7b4b0001' },
      { message: 'job 01KC3Z6K3V6M0W3Q5E5Z1Z7X0B, sha256:ffffff00 of 52b1f7c2-64a5-4ce4-9a1e-5a4a7b4b0002' },
    ],
  ])('does not depend on %s', (_, one, other) => {
    expect(printOf(one)).toBe(printOf(other));
  });

  it.each<[string, Death, Death]>([
    ['code', { message: 'no', code: 'volume-in-use' }, { message: 'no', code: 'volume-busy' }],
    ['step', { message: 'no', step: 'check' }, { message: 'no', step: 'attach' }],
    ['type of fault', { message: 'no', fault: 'NoPermission' }, { message: 'no', fault: 'InvalidState' }],
    ['wording', { message: 'the disk is gone' }, { message: 'the disk is locked' }],
    [
      'sentence behind the name',
      { volume: 'music', message: 'volume music is in use' },
      { volume: 'music', message: 'volume music is damaged' },
    ],
  ])('depends on the %s', (_, one, other) => {
    expect(printOf(one)).not.toBe(printOf(other));
  });

  it('a name within a word is no name', () => {
    expect(printOf({ volume: 'is', message: 'this is so' })).toBe(printOf({ volume: 'an', message: 'this an so' }));
  });
});
