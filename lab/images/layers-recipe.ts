import type { Recipe } from './recipes.ts';
import { directory, file, hardlink, opaque, symlink, type TarEntry, whiteout } from './tar.ts';

/** cap_net_bind_service=ep, revision 2, as the kernel keeps it in `security.capability`. */
const NET_BIND_SERVICE = Buffer.from('0100000200040000000000000000000000000000', 'hex');
const MIB = 1024 * 1024;
const SHORT_DIRECTORY = 'case/long';
/** A name as long as a file system takes, and a path that is longer than a tar header's. */
const LONGEST_NAME = `${'n'.repeat(251)}.txt`;
const DEEP_DIRECTORY = `${SHORT_DIRECTORY}/${'deep-directory-of-a-path/'.repeat(12)}end`;

/**
 * All that a layer can hold, on top of an image that runs. Below /case, and after all layers:
 *
 *     removed-file, removed-dir, opaque/old, opaque/sub     gone
 *     opaque/new                                            the directory's only entry
 *     file-to-directory/inner, directory-to-file            each became the other
 *     hard/one, hard/two                                    one inode; hard/three is a copy with its own, by a later layer
 *     removed-again                                         removed by the second layer, and back by the third
 *     capability, attributes                                security.capability; user.note, with bytes that are no text
 *     sparse                                                64 MiB, of which 8 KiB are data, at 1 MiB and at its end
 *     device, block, fifo, setuid (06755), sticky/, owned   nodes, modes, and an owner of more than 21 bits
 */
export function layersRecipe(base: Recipe): Recipe {
  return {
    layers: [...base.layers, everything(), removals(), returns()],
    config: base.config,
    history: [
      ...base.history,
      { createdBy: '/bin/sh -c #(nop) COPY dir:case in /case ' },
      { createdBy: '/bin/sh -c rm -rf /case/removed-file /case/removed-dir /case/opaque && mkdir /case/opaque' },
      { createdBy: '/bin/sh -c echo back > /case/removed-again' },
    ],
  };
}

function everything(): readonly TarEntry[] {
  return [
    directory('case'),
    ...below(),
    ...links(),
    ...special(),
    ...longNames(),
    file('case/empty', ''),
    file('case/na\u00efve \u2603.txt', 'a name that is not ASCII\n'),
    file('case/time', 'before 1970 was over\n', { mtimeS: 1 }),
  ];
}

/** What the next layer removes or replaces. */
function below(): readonly TarEntry[] {
  return [
    file('case/removed-file', 'below\n'),
    file('case/removed-again', 'below\n'),
    directory('case/removed-dir'),
    file('case/removed-dir/inner', 'below\n'),
    directory('case/opaque'),
    file('case/opaque/old', 'below\n'),
    directory('case/opaque/sub'),
    file('case/opaque/sub/old', 'below\n'),
    file('case/file-to-directory', 'below\n'),
    directory('case/directory-to-file'),
    file('case/directory-to-file/inner', 'below\n'),
  ];
}

function links(): readonly TarEntry[] {
  return [
    directory('case/hard'),
    file('case/hard/one', 'one inode\n'),
    hardlink('case/hard/two', 'case/hard/one'),
    hardlink('case/hard/three', 'case/hard/one'),
    symlink('case/relative', 'hard/one'),
    symlink('case/absolute', '/etc/passwd'),
    symlink('case/dangling', '/nowhere/at/all'),
    symlink('case/upwards', '../../../../etc/passwd'),
    symlink('case/long-target', `/${'t'.repeat(180)}`),
  ];
}

function special(): readonly TarEntry[] {
  return [
    file('case/capability', '#!/bin/sh\n', { mode: 0o755, xattrs: { 'security.capability': NET_BIND_SERVICE } }),
    file('case/attributes', 'noted\n', {
      xattrs: { 'user.note': Buffer.from('a=b\nc'), 'user.bytes': Buffer.from([0, 0xff, 0x80, 10]) },
    }),
    {
      type: 'sparse',
      path: 'case/sparse',
      mode: 0o644,
      sizeBytes: 64 * MIB,
      extents: [
        { offsetBytes: MIB, content: Buffer.alloc(4096, 'data') },
        { offsetBytes: 64 * MIB - 4096, content: Buffer.alloc(4096, 'tail') },
      ],
    },
    { type: 'character', path: 'case/device', mode: 0o666, major: 1, minor: 3 },
    { type: 'block', path: 'case/block', mode: 0o660, major: 7, minor: 300 },
    { type: 'fifo', path: 'case/fifo', mode: 0o600 },
    file('case/setuid', '#!/bin/sh\n', { mode: 0o6755 }),
    directory('case/sticky', { mode: 0o1777 }),
    file('case/owned', 'by somebody\n', { uid: 3_000_000, gid: 4_000_000_000 }),
  ];
}

function longNames(): readonly TarEntry[] {
  const parents = DEEP_DIRECTORY.split('/').map((_, index, all) => all.slice(0, index + 1).join('/'));
  return [
    ...parents.slice(1).map((path) => directory(path)),
    file(`${DEEP_DIRECTORY}/file`, 'deep\n'),
    file(`${SHORT_DIRECTORY}/${LONGEST_NAME}`, 'long\n'),
    file(`${SHORT_DIRECTORY}/g${LONGEST_NAME.slice(1)}`, 'long, as GNU tar writes it\n', { longNames: 'gnu' }),
    hardlink(`${SHORT_DIRECTORY}/link`, `${SHORT_DIRECTORY}/${LONGEST_NAME}`),
  ];
}

function removals(): readonly TarEntry[] {
  return [
    directory('case'),
    whiteout('case/removed-file'),
    whiteout('case/removed-again'),
    whiteout('case/removed-dir'),
    directory('case/opaque', { mode: 0o750 }),
    opaque('case/opaque'),
    file('case/opaque/new', 'above\n'),
    directory('case/file-to-directory'),
    file('case/file-to-directory/inner', 'above\n'),
    file('case/directory-to-file', 'above\n'),
    directory('case/hard'),
    file('case/hard/three', 'its own inode\n'),
  ];
}

function returns(): readonly TarEntry[] {
  return [directory('case'), file('case/removed-again', 'back\n')];
}
