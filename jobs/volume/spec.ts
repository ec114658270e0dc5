import { formatSize } from '../../core/size.ts';
import type { VolumeSpec } from '../../core/volume.ts';

/** What makes two volumes different volumes, by the option's name and as people read it. Labels do not count, as in Docker. */
const FIELDS: Readonly<Record<string, (spec: VolumeSpec) => string>> = {
  VolumeStore: (spec) => spec.store,
  Capacity: (spec) => `${formatSize(spec.capacityBytes)} (${spec.capacityBytes} bytes)`,
  diskformat: (spec) => spec.diskFormat,
  access: (spec) => spec.access,
  fstype: (spec) => spec.fileSystem,
  'clone-from': (spec) => spec.cloneFrom ?? 'not set',
};

/** What two specifications differ in, for people; undefined when a creation with the one finds the other already made. */
export function explainDifference(there: VolumeSpec, wanted: VolumeSpec): string | undefined {
  const differences = Object.entries(FIELDS)
    .filter(([, read]) => read(there) !== read(wanted))
    .map(([option, read]) => `${option} is ${read(there)}, not ${read(wanted)}`);
  return differences.length === 0 ? undefined : differences.join('; ');
}
