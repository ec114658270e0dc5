// Sizes as people write them. GB is 10^9 and GiB is 2^30 bytes, as in Docker's own options; a bare number is MB (VIC's rule).

const UNITS: Readonly<Record<string, bigint>> = {
  b: 1n,
  k: 1_000n,
  kb: 1_000n,
  m: 1_000_000n,
  mb: 1_000_000n,
  g: 1_000_000_000n,
  gb: 1_000_000_000n,
  t: 1_000_000_000_000n,
  tb: 1_000_000_000_000n,
  kib: 1_024n,
  mib: 1_048_576n,
  gib: 1_073_741_824n,
  tib: 1_099_511_627_776n,
};
const SIZE = /^(\d{1,30})(?:\.(\d{1,6}))?\s*([a-z]*)$/i;
const KIB = 1_024n;

/** The smallest and largest virtual disk: 1 MB here (room for a file system), 62 TiB by vSphere's configuration maximums. */
const MIN_VOLUME_BYTES = 1_000_000;
const MAX_VOLUME_BYTES = 62 * 1_099_511_627_776;

/** For a JSON Schema: a number and a unit, as `parseVolumeSize` takes them. What is too small or too large for a disk it does not tell. */
export const SIZE_PATTERN = '^[0-9]{1,30}(?:\\.[0-9]{1,6})? ?(?:[KkMmGgTt]?[Bb]?|[KkMmGgTt][Ii][Bb])$';

export type SizeResult = { readonly bytes: number } | { readonly fault: string };

/** Reads a size, rounded up to whole KiB (the unit in which vSphere counts a disk's capacity). */
export function parseVolumeSize(text: string): SizeResult {
  const match = SIZE.exec(text.trim());
  const unit = UNITS[(match?.[3] ?? '').toLowerCase() || 'mb'];
  if (match === null || unit === undefined) {
    return {
      fault: `"${text}" is not a size: write a number and one of B, KB, MB, GB, TB, KiB, MiB, GiB, TiB (a bare number is MB)`,
    };
  }
  const fraction = match[2] ?? '';
  const scale = 10n ** BigInt(fraction.length);
  const bytes = (BigInt(`${match[1] ?? ''}${fraction}`) * unit + scale - 1n) / scale;
  const rounded = ((bytes + KIB - 1n) / KIB) * KIB;
  if (rounded < BigInt(MIN_VOLUME_BYTES)) return { fault: `"${text}" is too small: a volume has at least 1MB` };
  if (rounded > BigInt(MAX_VOLUME_BYTES)) return { fault: `"${text}" is too large: a virtual disk has at most 62TiB` };
  return { bytes: Number(rounded) };
}

/** For people: `10 GB`, `1.5 TB`; powers of 1,000, at most two decimals. */
export function formatSize(bytes: number): string {
  const names = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];
  let value = bytes;
  let at = 0;
  while (value >= 1_000 && at < names.length - 1) {
    value /= 1_000;
    at += 1;
  }
  return `${Number(value.toFixed(2))} ${names[at] ?? 'B'}`;
}
