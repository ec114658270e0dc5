import { describe, expect, it } from 'vitest';
import {
  datastorePath,
  explainBadVolumeName,
  JOB_ID_FORM,
  moref,
  MOREF_FORM,
  newJobId,
  parentPath,
  parseDatastorePath,
  parseDiskUuid,
  parseJobId,
  parseMoref,
  parseResourceKey,
  parseVolumeName,
  RESOURCE_KEY_FORM,
  splitDatastorePath,
  splitMoref,
  taskRef,
  type TextForm,
  VOLUME_NAME_FORM,
} from './ids.ts';

/** As a reader of a JSON Schema would. */
function has(form: TextForm, text: string): boolean {
  const { pattern = '', minLength = 0, maxLength = Number.POSITIVE_INFINITY } = form;
  return new RegExp(pattern, 'u').test(text) && text.length >= minLength && text.length <= maxLength;
}

describe('job ids', () => {
  const zeros = new Uint8Array(10);

  it('are of their form, and sort by time', () => {
    const times = [0, 1, 31, 32, 1_000, 1_795_479_146_376, 2 ** 48 - 1];
    const ids = times.map((time) => newJobId(time, zeros));
    expect(ids.map(parseJobId)).toEqual(ids);
    expect(ids.toSorted()).toEqual(ids);
    expect(ids.every((id) => has(JOB_ID_FORM, id))).toBe(true);
  });

  it('differ by chance, and use all of it', () => {
    const seen = new Set<string>();
    for (let at = 0; at < 10; at += 1) {
      for (const bit of [1, 128]) seen.add(newJobId(1, zeros.with(at, bit)));
    }
    expect(seen.size).toBe(20);
    expect(newJobId(1, new Uint8Array(10).fill(255))).toBe('0000000001zzzzzzzzzzzzzzzz');
  });

  it.each([
    '',
    '01m85eaqy2dz17sj8j53xrymp',
    '01m85eaqy2dz17sj8j53xrympww',
    '01M85EAQY2DZ17SJ8J53XRYMPW',
    '01m85eaqy2dz17sj8j53xrympl',
  ])('%j is none', (text) => {
    expect(parseJobId(text)).toBeUndefined();
    expect(has(JOB_ID_FORM, text)).toBe(false);
  });
});

describe('volume names', () => {
  it.each(['ab', 'demo_vol', 'A.b-c_1', '0a', 'a'.repeat(100), 'vol-12345', 'vol-1234567'])('%s is one', (name) => {
    expect(parseVolumeName(name)).toBe(name);
    expect(explainBadVolumeName(name)).toBeUndefined();
    expect(has(VOLUME_NAME_FORM, name)).toBe(true);
  });

  it.each([
    ['', 'two characters'],
    ['a', 'two characters'],
    ['a'.repeat(101), '100 characters'],
    ['_ab', 'starts with'],
    ['.ab', 'starts with'],
    ['-ab', 'starts with'],
    ['a b', 'starts with'],
    ['a/b', 'starts with'],
    ['a\\b', 'starts with'],
    ['ab\n', 'starts with'],
    ['..', 'starts with'],
    ['a@ds', 'starts with'],
    ['größe', 'starts with'],
    ['disk-000001', 'six digits'],
  ])('%j is none: %s', (name, reason) => {
    expect(parseVolumeName(name)).toBeUndefined();
    expect(explainBadVolumeName(name)).toContain(reason);
    expect(has(VOLUME_NAME_FORM, name)).toBe(false);
  });
});

describe('what lines are kept for', () => {
  it.each(['volume:demo_vol', 'container-name:a b', 'host:\n'])('%j is one', (text) => {
    expect(parseResourceKey(text)).toBe(text);
    expect(has(RESOURCE_KEY_FORM, text)).toBe(true);
  });

  it.each(['', 'volume', 'volume:', 'volumes:a', ':a', 'a:volume:b'])('%j is none', (text) => {
    expect(parseResourceKey(text)).toBeUndefined();
    expect(has(RESOURCE_KEY_FORM, text)).toBe(false);
  });
});

describe('references and paths of vSphere', () => {
  it('morefs come apart and together', () => {
    expect(splitMoref(moref('VirtualMachine', 'vm-42'))).toEqual({ type: 'VirtualMachine', value: 'vm-42' });
    expect(parseMoref('VirtualMachine:vm-42')).toBe('VirtualMachine:vm-42');
    expect(['vm-42', '', 'VirtualMachine:', ':vm-42', 'VirtualMachine:a b'].map(parseMoref)).toEqual(
      Array.from({ length: 5 }),
    );
    expect(['vm-42', 'VirtualMachine:', 'VirtualMachine:vm-42'].map((text) => has(MOREF_FORM, text))).toEqual([
      false,
      false,
      true,
    ]);
    expect([taskRef('task-7'), taskRef('Task:task-7')]).toEqual(['Task:task-7', 'Task:task-7']);
  });

  it('datastore paths keep one form', () => {
    expect(datastorePath('ds 1', '/a/b')).toBe('[ds 1] a/b');
    expect(parseDatastorePath('[ds]a/b')).toBe('[ds] a/b');
    expect(parseDatastorePath('a/b')).toBeUndefined();
    expect(splitDatastorePath(datastorePath('ds', 'a/b'))).toEqual({ datastore: 'ds', path: 'a/b' });
    expect(parentPath(datastorePath('ds', 'a/b/c'))).toBe('[ds] a/b');
    expect(parentPath(datastorePath('ds', 'a'))).toBe('[ds] ');
  });

  it('disk uuids are the same in both of vSphere’s spellings', () => {
    const uuid = '6000c29069756060fa485ce49ba02b0b';
    expect(parseDiskUuid('6000C290-6975-6060-fa48-5ce49ba02b0b')).toBe(uuid);
    expect(parseDiskUuid('60 00 C2 90 69 75 60 60-fa 48 5c e4 9b a0 2b 0b')).toBe(uuid);
    expect(parseDiskUuid(uuid.slice(1))).toBeUndefined();
    expect(parseDiskUuid('')).toBeUndefined();
  });
});
