import { StowageError } from '../../core/errors.ts';
import type { AccessMode, VolumeHolder, VolumeRecord } from '../../core/volume.ts';
import { inUse } from './volume-of.ts';

/** @throws `operation-unsupported` for writing to what was made to be read */
export function accessOf(asked: AccessMode | undefined, record: VolumeRecord): AccessMode {
  if (asked === 'read-write' && record.spec.access === 'read-only') {
    throw new StowageError(
      'operation-unsupported',
      `volume ${record.name} was made with access=read-only: attach it read-only`,
    );
  }
  return asked ?? record.spec.access;
}

/** One writer, or any number of readers. @throws `volume-in-use` naming the holder */
export function refuseSharing(record: VolumeRecord, holders: readonly VolumeHolder[], access: AccessMode): void {
  const isShareable = access === 'read-only' && holders.every((holder) => holder.access === 'read-only');
  if (holders.length > 0 && !isShareable) throw inUse({ ...record, holders }, `attached ${access}`);
}
