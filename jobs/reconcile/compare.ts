import { isDeepStrictEqual } from 'node:util';
import type { NewEvent } from '../../core/events.ts';
import type { DatastorePath } from '../../core/ids.ts';
import type { RecordChange, Versioned } from '../../core/record.ts';
import type { Flag, VolumeHolder, VolumeRecord } from '../../core/volume.ts';
import { recordFromDocument } from '../volume/volume-of.ts';
import type { Attachments } from './holders.ts';
import type { FoundHome } from './scan.ts';

// Pure: from what lies on the datastores, what machines hold, and what the record says, to what the record should say.

/** A record to write with its events, and a job to submit for what a crash left half done. */
export interface Finding {
  readonly changes: readonly RecordChange[];
  readonly events: readonly NewEvent[];
  readonly finish?: { readonly kind: 'volume.create' | 'volume.remove' };
}

const NOTHING: Finding = { changes: [], events: [] };

/** Reported at the second pass in a row: a thing may be half made by somebody else at the very moment. */
export function flagAgain(before: Flag | undefined, reason: string, now: string): Flag {
  if (before?.reason !== reason) return { reason, passes: 1, since: now };
  return { ...before, passes: before.passes + 1 };
}

export function compareVolume(seen: {
  readonly home: FoundHome | undefined;
  readonly known: Versioned<VolumeRecord> | undefined;
  readonly attachments: Attachments;
  /** Machines of containers that run. */
  readonly alive?: ReadonlySet<string>;
  /** Where the disk is; undefined when it is missing. */
  readonly diskPath: DatastorePath | undefined;
  readonly now: string;
}): Finding {
  const { home, known } = seen;
  if (home?.document === undefined) return known === undefined ? NOTHING : withoutDocument(known, home, seen.now);
  const half = home.document.state;
  if (half === 'creating') return { ...NOTHING, finish: { kind: 'volume.create' } };
  if (half === 'deleting') return { ...NOTHING, finish: { kind: 'volume.remove' } };
  const should = rebuild(home, seen);
  if (known === undefined) return adopted(should, home);
  return changed(known, should);
}

/** The record as datastore and machines have it. */
function rebuild(
  home: FoundHome,
  seen: {
    readonly known: Versioned<VolumeRecord> | undefined;
    readonly attachments: Attachments;
    readonly alive?: ReadonlySet<string>;
    readonly diskPath: DatastorePath | undefined;
    readonly now: string;
  },
): VolumeRecord {
  const { document } = home;
  if (document === undefined) throw new TypeError('only a home with a document is a volume');
  const disk = home.place.backing === 'block' ? document.disk : undefined;
  const path = seen.diskPath ?? disk?.path;
  const place = { ...home.place, ...(disk === undefined || path === undefined ? {} : { disk: { ...disk, path } }) };
  const base = recordFromDocument({ ...document, ...(place.disk === undefined ? {} : { disk: place.disk }) }, place, {
    holders: disk === undefined ? [] : holdersOf(disk, seen),
    now: seen.now,
  });
  if (disk === undefined || seen.diskPath !== undefined) return base;
  return { ...base, flag: flagAgain(seen.known?.record.flag, `the disk ${disk.path} is missing`, seen.now) };
}

/**
 * Machines that have the disk, and containers that hold it and run: vCenter may not be able to read their machines just now (their host is lost),
 * and what was taken away from them they are to be told in their own line.
 */
function holdersOf(
  disk: Parameters<Attachments['of']>[0],
  {
    known,
    attachments,
    alive = new Set(),
  }: Pick<Parameters<typeof compareVolume>[0], 'known' | 'attachments' | 'alive'>,
): readonly VolumeHolder[] {
  const seen = attachments.of(disk).map((each) => each.holder);
  const kept = (known?.record.holders ?? []).filter(
    ({ machine }) => alive.has(machine) && !seen.some((holder) => holder.machine === machine),
  );
  return [...seen, ...kept];
}

function adopted(record: VolumeRecord, home: FoundHome): Finding {
  return {
    changes: [{ op: 'put', record, expectedRev: 0 }],
    events: [
      {
        type: 'volume.adopted',
        subject: `volume:${record.name}`,
        data: { path: home.place.home, state: record.state },
      },
    ],
  };
}

function sameHolders(a: readonly VolumeHolder[], b: readonly VolumeHolder[]): boolean {
  const key = (holder: VolumeHolder): string =>
    [holder.machine, holder.machineName, holder.access, holder.diskKey, holder.unit].join(' ');
  return a.map(key).toSorted().join('\n') === b.map(key).toSorted().join('\n');
}

function changed(known: Versioned<VolumeRecord>, should: VolumeRecord): Finding {
  const { record } = known;
  const subject = `volume:${record.name}`;
  const isMoved =
    record.place?.disk !== undefined &&
    should.place?.disk !== undefined &&
    record.place.disk.path !== should.place.disk.path;
  const isHeldOtherwise = !sameHolders(record.holders, should.holders);
  const isFlagChanged = record.flag?.passes !== should.flag?.passes || record.flag?.reason !== should.flag?.reason;
  const isSpecOther = !isDeepStrictEqual(record.spec, should.spec);
  if (!isMoved && !isHeldOtherwise && !isFlagChanged && !isSpecOther && record.state === should.state) return NOTHING;
  const next: VolumeRecord = { ...should, ...(record.job === undefined ? {} : { job: record.job }) };
  const events: NewEvent[] = [];
  if (isMoved) events.push({ type: 'volume.moved', subject, data: { path: should.place?.disk?.path ?? '' } });
  if (isHeldOtherwise) events.push(...holderEvents(subject, record.holders, should.holders));
  events.push(...flagEvents(subject, record.flag, should.flag));
  return { changes: [{ op: 'put', record: next, expectedRev: known.rev }], events };
}

/** Somebody attached or detached it in vSphere, without us. */
function holderEvents(subject: string, before: readonly VolumeHolder[], after: readonly VolumeHolder[]): NewEvent[] {
  const without = (list: readonly VolumeHolder[], others: readonly VolumeHolder[]): readonly VolumeHolder[] =>
    list.filter((holder) => !others.some((other) => other.machine === holder.machine));
  const data = (holder: VolumeHolder): NewEvent['data'] => ({
    machine: holder.machine,
    machineName: holder.machineName,
    access: holder.access,
    outOfBand: true,
  });
  return [
    ...without(before, after).map((holder): NewEvent => ({ type: 'volume.detached', subject, data: data(holder) })),
    ...without(after, before).map((holder): NewEvent => ({ type: 'volume.attached', subject, data: data(holder) })),
  ];
}

export function flagEvents(subject: string, before: Flag | undefined, after: Flag | undefined): NewEvent[] {
  if (after?.passes === 2)
    return [{ type: 'volume.flagged', subject, data: { reason: after.reason, since: after.since } }];
  if (after === undefined && before !== undefined && before.passes >= 2)
    return [{ type: 'volume.unflagged', subject, data: { reason: before.reason } }];
  return [];
}

function withoutDocument(known: Versioned<VolumeRecord>, home: FoundHome | undefined, now: string): Finding {
  const { record } = known;
  const reason =
    home?.damage ?? (home === undefined ? 'its directory is not in the volume store' : 'its document is missing');
  const flag = flagAgain(record.flag, reason, now);
  return {
    changes: [{ op: 'put', record: { ...record, flag, updatedAt: now }, expectedRev: known.rev }],
    events: flagEvents(`volume:${record.name}`, record.flag, flag),
  };
}
