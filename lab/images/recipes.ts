import { createHash } from 'node:crypto';
import type { HistoryEntry, ImageSpec, Platform } from './image.ts';
import { directory, file, hardlink, symlink, type TarEntry, writeTar } from './tar.ts';

/** An image without the choice of how it is written. */
export type Recipe = Pick<ImageSpec, 'layers' | 'config' | 'history'>;

/** A static busybox, and where its applets belong, e.g. `usr/bin/env`. */
export interface Busybox {
  readonly program: Uint8Array;
  readonly applets: readonly string[];
}

const PATH = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
const OUR_APPLICATION = '#!/bin/sh\ndate\nsleep 2d\ndate';

/** As Docker Hub's: every applet is a hard link of one file. */
export function busyboxRecipe(busybox: Busybox): Recipe {
  return fromScratch(busyboxEntries(busybox), ['sh']);
}

/** As Alpine's base is: applets are symbolic links in four folders. */
export function baseRecipe(busybox: Busybox): Recipe {
  return fromScratch(baseEntries(busybox), ['/bin/sh']);
}

/**
 * What the classic builder makes of
 *
 *     FROM base:1
 *     RUN echo -e '#!/bin/sh\ndate\nsleep 2d\ndate' > /bin/our-application
 *     RUN chmod 755 /bin/our-application
 *     CMD ["/bin/our-application"]
 */
export function demoRecipe(base: Recipe): Recipe {
  const script = `${OUR_APPLICATION}\n`;
  const written = JSON.stringify(OUR_APPLICATION).slice(1, -1);
  return {
    layers: [
      ...base.layers,
      [directory('bin'), file('bin/our-application', script)],
      [directory('bin'), file('bin/our-application', script, { mode: 0o755 })],
    ],
    config: configOf(['/bin/our-application']),
    history: [
      ...base.history,
      { createdBy: `/bin/sh -c echo -e '${written}' > /bin/our-application` },
      { createdBy: '/bin/sh -c chmod 755 /bin/our-application' },
      cmdRow(['/bin/our-application']),
    ],
  };
}

/** Small, and of another platform than this machine: what nobody should pull here. */
export function otherPlatformRecipe(platform: Platform): Recipe {
  return fromScratch([directory('etc'), file('etc/architecture', `${platform.architecture}\n`)], ['/bin/sh']);
}

/** `FROM scratch`, `ADD file in /`, `CMD`: one layer, two rows of history. */
function fromScratch(entries: readonly TarEntry[], command: readonly string[]): Recipe {
  const tar = writeTar(entries);
  const hash = createHash('sha256').update(tar).digest('hex');
  return {
    layers: [tar],
    config: configOf(command),
    history: [{ createdBy: `/bin/sh -c #(nop) ADD file:${hash} in / ` }, cmdRow(command)],
  };
}

function cmdRow(command: readonly string[]): HistoryEntry {
  return { createdBy: `/bin/sh -c #(nop)  CMD ${JSON.stringify(command)}`, isEmptyLayer: true };
}

/** All fields that the classic builder writes: some readers count on them. */
function configOf(command: readonly string[]) {
  return {
    Hostname: '',
    Domainname: '',
    User: '',
    AttachStdin: false,
    AttachStdout: false,
    AttachStderr: false,
    Tty: false,
    OpenStdin: false,
    StdinOnce: false,
    Env: [PATH],
    Cmd: command,
    Image: '',
    Volumes: null,
    WorkingDir: '',
    Entrypoint: null,
    OnBuild: null,
    Labels: null,
  };
}

function accounts(shell: string): readonly TarEntry[] {
  return [
    directory('etc'),
    file('etc/group', 'root:x:0:\ndaemon:x:1:\nmail:x:8:\nwww-data:x:33:\nnogroup:x:65534:\n'),
    file(
      'etc/passwd',
      [
        `root:x:0:0:root:/root:${shell}`,
        'daemon:x:1:1:daemon:/usr/sbin:/bin/false',
        'www-data:x:33:33:www-data:/var/www:/bin/false',
        'nobody:x:65534:65534:nobody:/home:/bin/false',
        '',
      ].join('\n'),
    ),
    file('etc/shadow', 'root:*:::::::\ndaemon:*:::::::\nwww-data:*:::::::\nnobody:*:::::::\n', { mode: 0o640 }),
  ];
}

function busyboxEntries({ program, applets }: Busybox): readonly TarEntry[] {
  const names = [...new Set(applets.map((path) => path.slice(path.lastIndexOf('/') + 1)))].sort();
  return [
    directory('bin'),
    file('bin/busybox', program, { mode: 0o755 }),
    ...names
      .filter((name) => name !== 'busybox')
      .map((name) => hardlink(`bin/${name}`, 'bin/busybox', { mode: 0o755 })),
    directory('dev'),
    ...accounts('/bin/sh'),
    directory('home', { uid: 65534, gid: 65534 }),
    directory('root', { mode: 0o700 }),
    directory('tmp', { mode: 0o1777 }),
    directory('usr'),
    directory('usr/sbin', { uid: 1, gid: 1 }),
    directory('var'),
    directory('var/spool'),
    directory('var/spool/mail', { uid: 8, gid: 8 }),
    directory('var/www', { uid: 33, gid: 33 }),
  ];
}

const BASE_DIRECTORIES = [
  'dev etc etc/profile.d home lib media mnt opt proc run sbin srv sys',
  'usr usr/bin usr/lib usr/local usr/local/bin usr/local/sbin usr/sbin usr/share var var/cache var/log var/spool',
];

function baseEntries({ program, applets }: Busybox): readonly TarEntry[] {
  const links = applets
    .filter((path) => path !== 'bin/busybox' && path.includes('/'))
    .map((path) => symlink(path, '/bin/busybox'));
  const entries: readonly TarEntry[] = [
    directory('bin'),
    file('bin/busybox', program, { mode: 0o755 }),
    ...BASE_DIRECTORIES.flatMap((line) => line.split(' ')).map((path) => directory(path)),
    directory('root', { mode: 0o700 }),
    directory('tmp', { mode: 0o1777 }),
    directory('var/tmp', { mode: 0o1777 }),
    ...accounts('/bin/ash'),
    file(
      'etc/os-release',
      'NAME="Stowage lab base"\nID=stowage-base\nVERSION_ID=1\nPRETTY_NAME="Stowage lab base 1"\n',
    ),
    file('etc/issue', 'Stowage lab base 1\n'),
    file('etc/shells', '/bin/sh\n/bin/ash\n'),
    file(
      'etc/profile',
      [
        `export ${PATH}`,
        "export PAGER=less PS1='\\h:\\w\\$ '",
        'umask 022',
        'for script in /etc/profile.d/*.sh; do if [ -r "$script" ]; then . "$script"; fi; done',
        'unset script',
        '',
      ].join('\n'),
    ),
    ...links,
  ];
  const once = new Map(entries.map((entry) => [entry.path, entry]));
  return [...once.values()].sort((one, other) => (one.path < other.path ? -1 : 1));
}
