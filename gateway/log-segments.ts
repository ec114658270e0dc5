import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { ContainerId } from '../core/ids.ts';

// A container's output log is a directory of segments, `00000001.log` and on; only the last one grows.

export interface LogPlace {
  /** All logs of the installation. */
  readonly dir: string;
  readonly container: ContainerId;
}

/** A place between two entries. */
export interface LogPosition {
  readonly segment: number;
  readonly at: number;
}

function directoryOf({ dir, container }: LogPlace): string {
  return join(dir, container.slice(0, 2), container);
}

export function segmentFile(place: LogPlace, segment: number): string {
  return join(directoryOf(place), `${String(segment).padStart(8, '0')}.log`);
}

/** Numbers, the oldest first; none where there is no log. */
export function segmentsOf(place: LogPlace): readonly number[] {
  try {
    const names = readdirSync(directoryOf(place));
    const numbers = names.flatMap((name) => (/^\d{8}\.log$/.test(name) ? [Number.parseInt(name, 10)] : []));
    return numbers.sort((a, b) => a - b);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw error;
  }
}

export function makeDirectory(place: LogPlace): void {
  mkdirSync(directoryOf(place), { recursive: true, mode: 0o700 });
}

export function removeSegment(place: LogPlace, segment: number): void {
  rmSync(segmentFile(place, segment), { force: true });
}

/** Of a container that nobody writes the log of. */
export function removeLog(place: LogPlace): void {
  rmSync(directoryOf(place), { recursive: true, force: true });
}
