// Tars as layers have them, bad ones included: npm's tar libraries write no sparse files, extended attributes as text only,
// and no `../`.

const BLOCK_BYTES = 512;
const LONGEST_NAME_BYTES = 100;
const LARGEST_ID = 0o7777777;
const LARGEST_SIZE = 0o77777777777;
/** 2026-01-01T00:00:00Z: of every entry that says nothing else, so that the same entries give the same bytes. */
export const SAMPLE_TIME_S = 1_767_225_600;

interface Attributes {
  /** As it stands in the tar; a directory's `/` at the end is added. */
  readonly path: string;
  /** Permission bits, with setuid, setgid and sticky. */
  readonly mode: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly mtimeS?: number;
  /** Extended attributes: name to value. */
  readonly xattrs?: Readonly<Record<string, Uint8Array>>;
  /** How a name of more than 100 bytes is written. Default: pax. */
  readonly longNames?: 'pax' | 'gnu';
}

export interface Extent {
  readonly offsetBytes: number;
  readonly content: Uint8Array;
}

export type TarEntry = Attributes &
  (
    | { readonly type: 'file'; readonly content: Uint8Array }
    /** Written in GNU's sparse format 1.0 for pax. Every extent but the last is a multiple of 512 bytes. */
    | { readonly type: 'sparse'; readonly sizeBytes: number; readonly extents: readonly Extent[] }
    | { readonly type: 'symlink' | 'hardlink'; readonly target: string }
    | { readonly type: 'character' | 'block'; readonly major: number; readonly minor: number }
    | { readonly type: 'directory' | 'fifo' }
  );

type Options = Partial<Omit<Attributes, 'path'>>;

export function file(path: string, content: string | Uint8Array, options: Options = {}): TarEntry {
  return { type: 'file', path, mode: 0o644, content: Buffer.from(content), ...options };
}

export function directory(path: string, options: Options = {}): TarEntry {
  return { type: 'directory', path, mode: 0o755, ...options };
}

export function symlink(path: string, target: string, options: Options = {}): TarEntry {
  return { type: 'symlink', path, mode: 0o777, target, ...options };
}

/** @param target another path of the same tar, or of a layer below */
export function hardlink(path: string, target: string, options: Options = {}): TarEntry {
  return { type: 'hardlink', path, mode: 0o644, target, ...options };
}

/** Removes what lies at the path in the layers below. */
export function whiteout(path: string): TarEntry {
  const slash = path.lastIndexOf('/') + 1;
  return file(`${path.slice(0, slash)}.wh.${path.slice(slash)}`, '', { mode: 0 });
}

/** Removes whatever the layers below have in the directory. */
export function opaque(path: string): TarEntry {
  return file(`${path}/.wh..wh..opq`, '', { mode: 0 });
}

/** The tar of these entries, in their order. @throws {RangeError} for extents that are no blocks */
export function writeTar(entries: readonly TarEntry[]): Buffer {
  const parts = entries.flatMap((entry) => {
    const content = contentOf(entry);
    return [tarHeader(entry, content.length), content, padding(content.length)];
  });
  return Buffer.concat([...parts, Buffer.alloc(2 * BLOCK_BYTES)]);
}

/** All that precedes an entry's content, which the caller may then make up. */
export function tarHeader(entry: TarEntry, sizeBytes: number): Buffer {
  const path = entry.type === 'directory' && !entry.path.endsWith('/') ? `${entry.path}/` : entry.path;
  const target = 'target' in entry ? entry.target : '';
  const isGnu = entry.longNames === 'gnu';
  const pax = paxRecords(entry, { path: isGnu ? '' : path, target: isGnu ? '' : target, sizeBytes });
  return Buffer.concat([
    ...(isGnu && isLong(path) ? [longName('L', path)] : []),
    ...(isGnu && isLong(target) ? [longName('K', target)] : []),
    ...(pax.length === 0
      ? []
      : [block({ name: 'pax', mode: 0o644, size: pax.length, type: 'x' }), pax, padding(pax.length)]),
    block({
      name: path,
      mode: entry.mode,
      uid: entry.uid ?? 0,
      gid: entry.gid ?? 0,
      size: sizeBytes,
      mtime: entry.mtimeS ?? SAMPLE_TIME_S,
      type: FLAGS[entry.type],
      link: target,
      ...('major' in entry ? { major: entry.major, minor: entry.minor } : {}),
    }),
  ]);
}

const FLAGS: Readonly<Record<TarEntry['type'], string>> = {
  file: '0',
  sparse: '0',
  hardlink: '1',
  symlink: '2',
  character: '3',
  block: '4',
  directory: '5',
  fifo: '6',
};

function contentOf(entry: TarEntry): Uint8Array {
  if (entry.type === 'file') return entry.content;
  if (entry.type !== 'sparse') return Buffer.alloc(0);
  // GNU tar begins every extent at a block, Go's reader where the last one ended.
  if (entry.extents.slice(0, -1).some(({ content }) => content.length % BLOCK_BYTES !== 0))
    throw new RangeError(`an extent of ${entry.path} is not a multiple of ${BLOCK_BYTES} bytes`);
  const map = [entry.extents.length, ...entry.extents.flatMap((each) => [each.offsetBytes, each.content.length])];
  const text = Buffer.from(`${map.join('\n')}\n`);
  return Buffer.concat([text, padding(text.length), ...entry.extents.map((each) => each.content)]);
}

function isLong(name: string): boolean {
  return Buffer.byteLength(name) > LONGEST_NAME_BYTES;
}

function needsPax(name: string): boolean {
  return isLong(name) || /[^\x20-\x7e]/.test(name);
}

interface Named {
  readonly path: string;
  readonly target: string;
  readonly sizeBytes: number;
}

function paxRecords(entry: TarEntry, { path, target, sizeBytes }: Named): Buffer {
  const { uid = 0, gid = 0, xattrs = {} } = entry;
  const sparse: readonly (readonly [string, string])[] =
    entry.type === 'sparse'
      ? [
          ['GNU.sparse.major', '1'],
          ['GNU.sparse.minor', '0'],
          ['GNU.sparse.name', path],
          ['GNU.sparse.realsize', String(entry.sizeBytes)],
        ]
      : [];
  return Buffer.concat([
    ...sparse.map(([key, value]) => paxRecord(key, Buffer.from(value))),
    ...(needsPax(path) ? [paxRecord('path', Buffer.from(path))] : []),
    ...(needsPax(target) ? [paxRecord('linkpath', Buffer.from(target))] : []),
    ...(uid > LARGEST_ID ? [paxRecord('uid', Buffer.from(String(uid)))] : []),
    ...(gid > LARGEST_ID ? [paxRecord('gid', Buffer.from(String(gid)))] : []),
    ...(sizeBytes > LARGEST_SIZE ? [paxRecord('size', Buffer.from(String(sizeBytes)))] : []),
    ...Object.keys(xattrs)
      .sort()
      .map((name) => paxRecord(`SCHILY.xattr.${name}`, xattrs[name] ?? Buffer.alloc(0))),
  ]);
}

/** `<length> <key>=<value>\n`, where the length counts its own digits too. */
function paxRecord(key: string, value: Uint8Array): Buffer {
  const rest = Buffer.concat([Buffer.from(` ${key}=`), value, Buffer.from('\n')]);
  let length = rest.length + 1;
  while (String(length).length + rest.length !== length) length = String(length).length + rest.length;
  return Buffer.concat([Buffer.from(String(length)), rest]);
}

function longName(type: 'L' | 'K', name: string): Buffer {
  const content = Buffer.from(`${name}\0`);
  const header = block({ name: '././@LongLink', mode: 0, size: content.length, type, mtime: 0 });
  return Buffer.concat([header, content, padding(content.length)]);
}

function padding(sizeBytes: number): Buffer {
  return Buffer.alloc((BLOCK_BYTES - (sizeBytes % BLOCK_BYTES)) % BLOCK_BYTES);
}

interface HeaderFields {
  readonly name: string;
  readonly mode: number;
  readonly size: number;
  readonly type: string;
  readonly uid?: number;
  readonly gid?: number;
  readonly mtime?: number;
  readonly link?: string;
  readonly major?: number;
  readonly minor?: number;
}

/** One header as POSIX has it (ustar). What does not fit is cut: it stands in a pax or GNU record before. */
function block(fields: HeaderFields): Buffer {
  const header = Buffer.alloc(BLOCK_BYTES);
  const text = (value: string, at: number, length: number): void => {
    Buffer.from(value).copy(header, at, 0, length);
  };
  const octal = (value: number, at: number, length: number): void => {
    text(`${value.toString(8).padStart(length - 1, '0')}\0`, at, length);
  };
  const upTo = (value: number, largest: number): number => (value > largest ? 0 : value);
  text(fields.name, 0, LONGEST_NAME_BYTES);
  octal(fields.mode, 100, 8);
  octal(upTo(fields.uid ?? 0, LARGEST_ID), 108, 8);
  octal(upTo(fields.gid ?? 0, LARGEST_ID), 116, 8);
  octal(upTo(fields.size, LARGEST_SIZE), 124, 12);
  octal(fields.mtime ?? SAMPLE_TIME_S, 136, 12);
  text(' '.repeat(8), 148, 8);
  text(fields.type, 156, 1);
  text(fields.link ?? '', 157, LONGEST_NAME_BYTES);
  text('ustar\u000000', 257, 8);
  octal(fields.major ?? 0, 329, 8);
  octal(fields.minor ?? 0, 337, 8);
  const sum = header.reduce((total, byte) => total + byte, 0);
  text(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 8);
  return header;
}
