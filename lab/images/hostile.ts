import { gzipSync } from 'node:zlib';
import { compress, digestOf, type RawLayer } from './image.ts';
import { file, hardlink, symlink, type TarEntry, tarHeader, writeTar } from './tar.ts';

// Layers that nobody should trust, for images of tests. What a registry itself gets wrong (another digest, a blob that is cut or
// missing) is done to its files: see `LabRegistry.tamper`.

const MIB = 1024 * 1024;

/** Entries that would write outside the layer, each by another way. */
export const ESCAPES: Readonly<Record<string, readonly TarEntry[]>> = {
  'parent path': [file('good', 'good\n'), file('../escaped', 'bad\n')],
  'parent path inside': [file('good', 'good\n'), file('some/../../escaped', 'bad\n')],
  'absolute path': [file('good', 'good\n'), file('/escaped', 'bad\n')],
  'through a symbolic link': [symlink('door', '/'), file('door/escaped', 'bad\n')],
  'through a relative symbolic link': [symlink('door', '../..'), file('door/escaped', 'bad\n')],
  'hard link to outside': [hardlink('taken', '../../etc/shadow')],
  'hard link through a symbolic link': [symlink('door', '/etc'), hardlink('taken', 'door/shadow')],
  'whiteout of outside': [file('good', 'good\n'), file('../.wh.escaped', '')],
  'whiteout through a symbolic link': [symlink('door', '/'), file('door/.wh.escaped', '')],
};

/** Its gzip is broken in the middle; digest and size are true. */
export async function corruptGzipLayer(entries: readonly TarEntry[]): Promise<RawLayer> {
  const { blob, diffId } = await goodLayer(entries);
  const broken = Buffer.from(blob);
  broken.fill(0xff, Math.floor(broken.length / 2), Math.floor(broken.length / 2) + 16);
  return { blob: broken, diffId };
}

/** Its gzip ends too early; digest and size are true. */
export async function truncatedGzipLayer(entries: readonly TarEntry[]): Promise<RawLayer> {
  const { blob, diffId } = await goodLayer(entries);
  return { blob: blob.subarray(0, Math.floor(blob.length / 2)), diffId };
}

/** Its tar ends in the middle of a file; gzip and diffID are true. */
export async function truncatedTarLayer(): Promise<RawLayer> {
  const tar = writeTar([file('cut', Buffer.alloc(8192, 'x'))]).subarray(0, 4096);
  return { blob: await compress(tar, 'gzip'), diffId: digestOf(tar) };
}

/** Its content is not what the configuration promises. */
export async function wrongDiffIdLayer(entries: readonly TarEntry[]): Promise<RawLayer> {
  return { ...(await goodLayer(entries)), diffId: digestOf(Buffer.from('something else')) };
}

/** Its bytes are said to be elsewhere, as of Windows' base images. */
export async function foreignLayer(entries: readonly TarEntry[]): Promise<RawLayer> {
  return {
    ...(await goodLayer(entries)),
    mediaType: 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip',
    urls: ['http://127.0.0.1:9/foreign'],
  };
}

/**
 * One file of zeros: about a thousandth of its size as a blob, made of many gzip members. Its diffID is not true: whoever
 * comes to compare it has unpacked everything.
 */
export function bombLayer(sizeBytes: number): RawLayer {
  const member = gzipSync(Buffer.alloc(16 * MIB), { level: 9 });
  const header = gzipSync(tarHeader(file('zeros', ''), sizeBytes));
  const members = Array.from({ length: Math.ceil(sizeBytes / (16 * MIB)) }, () => member);
  return { blob: Buffer.concat([header, ...members]), diffId: digestOf(Buffer.from('a bomb')) };
}

async function goodLayer(entries: readonly TarEntry[]): Promise<RawLayer> {
  const tar = writeTar(entries);
  return { blob: await compress(tar, 'gzip'), diffId: digestOf(tar) };
}
