import { createHash } from 'node:crypto';
import { type DatastorePath, type DiskUuid, parseDiskUuid, splitDatastorePath } from '../../core/ids.ts';
import type { Digest } from '../../core/reference.ts';

// The text file that makes a raw extent a virtual disk of VMFS and NFS datastores.
// Source: VMware, "Virtual Disk Format 5.0": descriptor, extent description, disk data base.

const SECTOR_BYTES = 512;
const HEADS = 255;
const SECTORS_PER_TRACK = 63;
const SMALL_SECTORS = 2 ** 21;
/** Disks that VMware's products make begin so. */
const UUID_PREFIX = '6000c29';

/** The same layer has the same disk, everywhere. */
export function diskUuidOf(diffId: Digest): DiskUuid {
  const hex = createHash('sha256').update(`stowage layer ${diffId}`).digest('hex');
  const uuid = parseDiskUuid(UUID_PREFIX + hex.slice(0, 32 - UUID_PREFIX.length));
  if (uuid === undefined) throw new TypeError('a uuid has 32 digits');
  return uuid;
}

export function diskDescriptor(disk: {
  readonly extent: DatastorePath;
  /** A multiple of 512. */
  readonly sizeBytes: number;
  readonly uuid: DiskUuid;
}): Uint8Array {
  const sectors = disk.sizeBytes / SECTOR_BYTES;
  if (!Number.isInteger(sectors)) throw new RangeError(`${disk.sizeBytes} bytes are not whole sectors`);
  const isSmall = sectors < SMALL_SECTORS;
  const [heads, perTrack] = isSmall ? [64, 32] : [HEADS, SECTORS_PER_TRACK];
  const name = splitDatastorePath(disk.extent).path.split('/').at(-1) ?? '';
  const text = `# Disk DescriptorFile
version=1
encoding="UTF-8"
CID=${disk.uuid.slice(-8)}
parentCID=ffffffff
createType="vmfs"

# Extent description
RW ${sectors} VMFS "${name}"

# The Disk Data Base
#DDB

ddb.adapterType = "lsilogic"
ddb.geometry.cylinders = "${Math.floor(sectors / (heads * perTrack))}"
ddb.geometry.heads = "${heads}"
ddb.geometry.sectors = "${perTrack}"
ddb.thinProvisioned = "1"
ddb.uuid = "${spaced(disk.uuid)}"
ddb.virtualHWVersion = "19"
`;
  return Buffer.from(text);
}

/** As vSphere writes it: `60 00 c2 9a … -…`, a dash in the middle. */
function spaced(uuid: DiskUuid): string {
  const pairs = uuid.match(/../g) ?? [];
  return `${pairs.slice(0, 8).join(' ')}-${pairs.slice(8).join(' ')}`;
}
