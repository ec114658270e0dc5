import { describe, expect, it } from 'vitest';
import { StowageError } from '../../core/errors.ts';
import { datastorePath, newJobId, parseDiskUuid, parseVolumeName } from '../../core/ids.ts';
import type { VolumeDocument } from '../../core/volume.ts';
import type { Files } from '../../core/ports/data-centre.ts';
import { decodeDocument, encodeDocument, readUndamaged } from './document.ts';

const PATH = datastorePath('ds', 'stowage/volumes/demo/volume.json');
const name = parseVolumeName('demo');
const uuid = parseDiskUuid('6000c29069756060fa485ce49ba02b0b');
if (name === undefined || uuid === undefined) throw new TypeError('these are good');
const DOCUMENT: VolumeDocument = {
  stowage: 1,
  name,
  state: 'available',
  spec: {
    store: 'default',
    capacityBytes: 1_024_000_000,
    diskFormat: 'thin',
    access: 'read-write',
    fileSystem: 'ext4',
    labels: { team: 'blue' },
  },
  createdAt: '2026-11-24T00:00:00.000Z',
  job: newJobId(1, new Uint8Array(10)),
  disk: { path: datastorePath('ds', 'stowage/volumes/demo/demo.vmdk'), uuid },
};
const bytes = (value: unknown): Uint8Array => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value));

describe('the document beside a volume', () => {
  it('comes back as it was written, with and without what is optional', () => {
    const { disk: _, ...bare } = DOCUMENT;
    const clone: VolumeDocument = { ...bare, spec: { ...bare.spec, cloneFrom: name } };
    for (const document of [DOCUMENT, bare, clone]) {
      expect(decodeDocument(encodeDocument(document), PATH)).toStrictEqual(document);
    }
  });

  it('knows members of later versions by leaving them out', () => {
    expect(decodeDocument(bytes({ ...DOCUMENT, later: true }), PATH)).toStrictEqual(DOCUMENT);
  });

  it.each([
    ['', 'not JSON'],
    ['{"stowage": 1, "na', 'not JSON'],
    ['null', 'not the document of a volume'],
    [{ ...DOCUMENT, stowage: 2 }, 'stowage'],
    [{ ...DOCUMENT, name: '../x' }, 'name'],
    [{ ...DOCUMENT, state: 'in-use' }, 'state'],
    [{ ...DOCUMENT, spec: { ...DOCUMENT.spec, capacityBytes: -1 } }, 'spec.capacityBytes'],
    [{ ...DOCUMENT, disk: { path: 'demo.vmdk' } }, 'disk.path'],
  ])('%j is damage, and the message says where: %s', (content, reason) => {
    expect(() => decodeDocument(bytes(content), PATH)).toThrow(
      expect.objectContaining({ code: 'volume-damaged', message: expect.stringContaining(reason) }),
    );
    expect(() => decodeDocument(bytes(content), PATH)).toThrow(PATH);
  });

  it('for one who undoes, damage is nothing, and a read that failed is no answer', async () => {
    const reading = (read: Files['read']) =>
      readUndamaged({ read } as Files, datastorePath('ds', 'stowage/volumes/demo'), new AbortController().signal);
    expect(await reading(async () => Buffer.from(bytes('torn')))).toBeUndefined();
    expect(await reading(async () => undefined)).toBeUndefined();
    const away = new StowageError('vcenter-unreachable', 'away');
    await expect(reading(() => Promise.reject(away))).rejects.toBe(away);
  });
});
