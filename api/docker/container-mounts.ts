import type { ContainerMount, ContainerRecord } from '../../core/container.ts';
import { isErrorCode, StowageError } from '../../core/errors.ts';
import { explainBadVolumeName } from '../../core/ids.ts';
import type { JsonObject } from '../../core/job.ts';
import type { AccessMode } from '../../core/volume.ts';
import type { CreateBody, MountBody } from './container-body.ts';
import { isEmptyValue } from './container-body.ts';
import { isOwnDriver } from './volume-view.ts';

// `-v`, `--mount`, `--volumes-from` and anonymous volumes, as mounts of container.create.

/** As `container.create` takes it. */
export interface AskedMount {
  readonly volume?: string;
  readonly destination: string;
  readonly access: AccessMode;
  readonly noCopy: boolean;
  readonly options?: JsonObject;
  readonly labels?: JsonObject;
}

interface Asked {
  readonly mounts: readonly AskedMount[];
  readonly warnings: readonly string[];
}

/**
 * @param find a container, for `--volumes-from`
 * @throws `request-invalid`, `operation-unsupported`
 */
export async function readMounts(body: CreateBody, find: (text: string) => Promise<ContainerRecord>): Promise<Asked> {
  const { Binds, Mounts, VolumesFrom } = body.HostConfig;
  const own = [...(Binds ?? []).map(readBind), ...(Mounts ?? []).flatMap(readMount)];
  const anonymous = Object.keys(body.Volumes ?? {}).map((path) => anonymousAt(path));
  const lent = await Promise.all((VolumesFrom ?? []).map((text) => readVolumesFrom(text, find)));
  const paths = own.map(({ destination }) => destination);
  const twice = paths.find((path, at) => paths.indexOf(path) !== at);
  if (twice !== undefined) throw invalid(`Duplicate mount point: ${twice}`);
  const taken = new Set(paths);
  // As dockerd: what is named here stands before what another container has, and that before what is anonymous.
  const fromOthers = lent.flat().filter(({ destination }) => claim(taken, destination));
  const rest = anonymous.filter(({ destination }) => claim(taken, destination));
  const tmpfs = (Mounts ?? []).filter(({ Type }) => Type === 'tmpfs');
  return {
    mounts: [...own, ...fromOthers, ...rest],
    warnings: tmpfs.length === 0 ? [] : ['--mount type=tmpfs: kept, but not applied yet'],
  };
}

function claim(taken: Set<string>, destination: string): boolean {
  if (taken.has(destination)) return false;
  taken.add(destination);
  return true;
}

/** `NAME:/path[:options]`, or `/path` alone. */
function readBind(bind: string): AskedMount {
  const parts = bind.split(':');
  const [first = '', second] = parts;
  if (parts.length > 3) throw invalid(`invalid volume specification: '${bind}'`);
  if (second === undefined) return anonymousAt(first);
  if (first.startsWith('/') || first.startsWith('.') || first.startsWith('~')) throw hostPath(first, second);
  return { volume: volumeName(first), destination: pathOf(second), ...modeOf(bind, parts[2] ?? '') };
}

const PROPAGATION = ['shared', 'rshared', 'slave', 'rslave', 'private', 'rprivate'];

function modeOf(bind: string, text: string): Pick<AskedMount, 'access' | 'noCopy'> {
  const modes = text === '' ? [] : text.split(',');
  // SELinux labels are a host's: there is none that this could be about.
  const known = ['rw', 'ro', 'nocopy', 'z', 'Z'];
  const odd = modes.find((mode) => !known.includes(mode));
  if (odd !== undefined) {
    const why = PROPAGATION.includes(odd) ? 'propagation is of directories of a host' : 'the modes are rw, ro, nocopy';
    throw invalid(`invalid mode: ${odd} in '${bind}': ${why}`);
  }
  return { access: modes.includes('ro') ? 'read-only' : 'read-write', noCopy: modes.includes('nocopy') };
}

function readMount(mount: MountBody): readonly AskedMount[] {
  const { Type: type, Source: source, Target: target, ReadOnly, VolumeOptions: options } = mount;
  switch (type ?? 'volume') {
    case 'volume':
      break;
    case 'tmpfs':
      return [];
    case 'bind':
      throw hostPath(source ?? '', target ?? '');
    default:
      throw new StowageError('operation-unsupported', `--mount type=${type}: use type=volume`);
  }
  const driver = options?.DriverConfig;
  if (!isOwnDriver(driver?.Name ?? ''))
    throw invalid(`error looking up volume plugin ${driver?.Name}: plugin "${driver?.Name}" not found`);
  if (!isEmptyValue(options?.Subpath))
    throw new StowageError(
      'operation-unsupported',
      '--mount volume-subpath: a volume is mounted whole; use one for each directory',
    );
  return [
    {
      ...(isEmptyValue(source) ? {} : { volume: volumeName(source ?? '') }),
      destination: pathOf(target ?? ''),
      access: ReadOnly === true ? 'read-only' : 'read-write',
      noCopy: options?.NoCopy === true,
      ...(isEmptyValue(driver?.Options) ? {} : { options: { ...driver?.Options } }),
      ...(isEmptyValue(options?.Labels) ? {} : { labels: { ...options?.Labels } }),
    },
  ];
}

/** `container[:ro]`: all of its mounts. */
async function readVolumesFrom(
  text: string,
  find: (text: string) => Promise<ContainerRecord>,
): Promise<readonly AskedMount[]> {
  const [name = '', mode = ''] = text.split(':');
  if (!['', 'rw', 'ro'].includes(mode)) throw invalid(`invalid mode: ${mode} in --volumes-from ${text}`);
  try {
    const { spec } = await find(name);
    return spec.mounts.map((mount) => lentMount(mount, mode === 'ro'));
  } catch (error) {
    // Not as "not found": that would have the CLI pull the image.
    if (!isErrorCode(error, 'container-not-found')) throw error;
    throw new StowageError('request-invalid', `--volumes-from ${text}: ${error.message}`, { cause: error });
  }
}

function lentMount({ volume, destination, access, noCopy }: ContainerMount, isReadOnly: boolean): AskedMount {
  return { volume, destination, access: isReadOnly ? 'read-only' : access, noCopy };
}

function anonymousAt(path: string): AskedMount {
  // The CLI takes a name of one letter for a drive of Windows, and sends the whole as a path.
  if (/^[a-zA-Z]:/.test(path)) throw invalid(`${TOO_SHORT}: ${path}`);
  return { destination: pathOf(path), access: 'read-write', noCopy: false };
}

const TOO_SHORT = 'volume name is too short, names should be at least two alphanumeric characters';

function volumeName(name: string): string {
  if (name.length < 2) throw invalid(`${TOO_SHORT}: ${name}`);
  const fault = explainBadVolumeName(name);
  if (fault !== undefined) throw invalid(`volume name "${name}": ${fault}`);
  return name;
}

function pathOf(path: string): string {
  if (!path.startsWith('/')) throw invalid(`invalid mount path: '${path}' mount path must be absolute`);
  const clean = path.replaceAll(/\/+/g, '/').replace(/(?<=.)\/$/, '');
  if (clean === '/') throw invalid("invalid specification: destination can't be '/'");
  return clean;
}

function hostPath(source: string, target: string): StowageError {
  return invalid(
    `${source}:${target}: directories of a host cannot be mounted, because a container is a virtual machine that moves between hosts: ` +
      `use a volume, as in -v NAME:${target === '' ? '/path' : target} (volumes on an nfs store can be shared, \`docker volume create -o VolumeStore=nfs NAME\`)`,
  );
}

function invalid(message: string): StowageError {
  return new StowageError('request-invalid', message);
}
