const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];

/** `10 GiB`, `1.5 MiB`, `512 B`. */
export function formatBytes(bytes: number): string {
  let power = 0;
  let value = bytes;
  // Not 1024 of a unit that has a next one, rounded or not.
  while (value >= 1_023.5 && power < UNITS.length - 1) {
    value /= 1_024;
    power += 1;
  }
  const words = value >= 100 ? String(Math.round(value)) : value.toFixed(1).replace(/\.0$/, '');
  return `${words} ${UNITS[power]}`;
}
