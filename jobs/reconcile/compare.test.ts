import { describe, expect, it } from 'vitest';
import { datastorePath, moref, newJobId, parseDiskUuid, parseVolumeName } from '../../core/ids.ts';
import type { Versioned } from '../../core/record.ts';
import type { VolumeDocument, VolumeHolder, VolumeRecord } from '../../core/volume.ts';
import { recordFromDocument } from '../volume/volume-of.ts';
import { compareVolume, type Finding, flagAgain, flagEvents } from './compare.ts';
import type { Attachments } from './holders.ts';
import type { FoundHome } from './scan.ts';

const name = parseVolumeName('demo');
const uuid = parseDiskUuid('6000c29069756060fa485ce49ba02b0b');
if (name === undefined || uuid === undefined) throw new TypeError('these are good');
const PATH = datastorePath('ds', 'stowage/volumes/demo/demo.vmdk');
const NOW = '2026-11-24T01:00:00.000Z';
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
    labels: {},
  },
  createdAt: '2026-11-24T00:00:00.000Z',
  job: newJobId(1, new Uint8Array(10)),
  disk: { path: PATH, uuid },
};
const HOME: FoundHome = {
  store: { name: 'default', target: { type: 'datastore', name: 'ds' }, root: 'stowage' },
  place: { datastore: 'ds', home: datastorePath('ds', 'stowage/volumes/demo'), backing: 'block' },
  directory: 'demo',
  files: [],
  document: DOCUMENT,
};
const HOLDER: VolumeHolder = {
  machine: moref('VirtualMachine', 'vm-1'),
  machineName: 'lab-vm-1',
  access: 'read-write',
  controllerKey: 1_000,
  unit: 0,
  diskKey: 2_000,
};
const NOBODY: Attachments = { of: () => [] };
const HELD: Attachments = { of: () => [{ holder: HOLDER, path: PATH }] };
const RECORD = recordFromDocument(DOCUMENT, HOME.place, { holders: [], now: DOCUMENT.createdAt });
const known = (change: Partial<VolumeRecord> = {}): Versioned<VolumeRecord> => ({
  rev: 7,
  record: { ...RECORD, ...change },
});
const compare = (seen: Partial<Parameters<typeof compareVolume>[0]>): Finding =>
  compareVolume({ home: HOME, known: known(), attachments: NOBODY, diskPath: PATH, now: NOW, ...seen });
const written = (finding: Finding): unknown =>
  finding.changes.map((change) => (change.op === 'put' ? change.record : change));

describe('what reconcile makes of what it sees', () => {
  it('nothing to do when all agree', () => {
    expect(compare({})).toEqual({ changes: [], events: [] });
  });

  it('no record: it is rebuilt, with its holders', () => {
    const free = compare({ known: undefined });
    expect(free.changes).toMatchObject([{ op: 'put', expectedRev: 0, record: { state: 'available', holders: [] } }]);
    expect(free.events).toMatchObject([{ type: 'volume.adopted', subject: 'volume:demo' }]);
    expect(written(compare({ known: undefined, attachments: HELD }))).toMatchObject([
      { state: 'in-use', holders: [HOLDER] },
    ]);
  });

  it('attached and detached without us: corrected under the revision that was read, with events', () => {
    const attached = compare({ attachments: HELD });
    expect(attached.changes).toMatchObject([{ expectedRev: 7, record: { state: 'in-use', holders: [HOLDER] } }]);
    expect(attached.events).toMatchObject([{ type: 'volume.attached', data: { outOfBand: true } }]);
    const detached = compare({ known: known({ state: 'in-use', holders: [HOLDER] }) });
    expect(written(detached)).toMatchObject([{ state: 'available', holders: [] }]);
    expect(detached.events).toMatchObject([{ type: 'volume.detached', data: { machineName: 'lab-vm-1' } }]);
  });

  it('moved: the record follows', () => {
    const path = datastorePath('ds2', 'lab-vm-1/lab-vm-1.vmdk');
    const finding = compare({ diskPath: path });
    expect(written(finding)).toMatchObject([{ place: { disk: { path, uuid } } }]);
    expect(finding.events).toMatchObject([{ type: 'volume.moved', data: { path } }]);
  });

  it.each([
    ['creating', 'volume.create'],
    ['deleting', 'volume.remove'],
  ] as const)('a document that says %s is work for %s, and nothing is written', (state, kind) => {
    expect(compare({ home: { ...HOME, document: { ...DOCUMENT, state } } })).toEqual({
      changes: [],
      events: [],
      finish: { kind },
    });
  });

  it('a missing disk is flagged, told at the second pass only, and unflagged when it is back', () => {
    const first = compare({ diskPath: undefined });
    expect(written(first)).toMatchObject([{ state: 'available', flag: { passes: 1, since: NOW } }]);
    expect(first.events).toEqual([]);
    const reason = `the disk ${PATH} is missing`;
    const second = compare({ diskPath: undefined, known: known({ flag: { reason, passes: 1, since: NOW } }) });
    expect(second.events).toMatchObject([{ type: 'volume.flagged', data: { reason } }]);
    const third = compare({ diskPath: undefined, known: known({ flag: { reason, passes: 2, since: NOW } }) });
    expect(third.events).toEqual([]);
    const back = compare({ known: known({ flag: { reason, passes: 3, since: NOW } }) });
    expect(back.events).toMatchObject([{ type: 'volume.unflagged' }]);
    expect(written(back)).not.toMatchObject([{ flag: expect.anything() }]);
  });

  it.each([
    [undefined, 'its directory is not in the volume store'],
    [{ ...HOME, document: undefined, damage: 'not JSON' }, 'not JSON'],
    [{ ...HOME, document: undefined }, 'its document is missing'],
  ])('without a readable document the record stays and is flagged', (home, reason) => {
    const { document: _, ...rest } = home ?? { document: undefined };
    const finding = compare({ home: home === undefined ? undefined : (rest as FoundHome), diskPath: undefined });
    expect(written(finding)).toMatchObject([{ ...RECORD, updatedAt: NOW, flag: { reason, passes: 1 } }]);
  });

  it('a directory without record and document is none of its business', () => {
    const { document: _, ...home } = HOME;
    expect(compare({ home, known: undefined })).toEqual({ changes: [], events: [] });
  });
});

describe('flags', () => {
  it('count passes of one reason; another reason begins again', () => {
    const first = flagAgain(undefined, 'a', 't1');
    const second = flagAgain(first, 'a', 't2');
    expect(second).toEqual({ reason: 'a', passes: 2, since: 't1' });
    expect(flagAgain(second, 'b', 't3')).toEqual({ reason: 'b', passes: 1, since: 't3' });
  });

  it('one that was never told needs no end', () => {
    const flag = { reason: 'a', passes: 1, since: 't1' };
    expect(flagEvents('volume:demo', flag, undefined)).toEqual([]);
    expect(flagEvents('volume:demo', { ...flag, passes: 2 }, undefined)).toMatchObject([{ type: 'volume.unflagged' }]);
  });
});
