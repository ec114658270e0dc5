import { readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { VolumeDocument } from '../../core/volume.ts';
import type { System } from '../harness/system.ts';

// What the lab's vCenter itself says, for tests to compare with what Stowage says.

export interface LabTask {
  readonly id: string;
  readonly method: string;
  readonly args: readonly string[];
  readonly state: 'queued' | 'running' | 'success' | 'error';
  readonly fault?: string;
}
export interface LabDisk {
  readonly path: string;
  readonly uuid: string;
  readonly capacityBytes: number;
  /** The descriptor on this machine's file system. */
  readonly file: string;
  readonly attachments: readonly { readonly vm: string; readonly mode: string }[];
}
export interface LabDevice {
  readonly key: number;
  readonly type: string;
  readonly controllerKey?: number;
  readonly unit?: number;
  readonly bus?: number;
  readonly disk?: string;
  readonly mode?: string;
}
export interface LabMachine {
  readonly name: string;
  readonly moid: string;
  readonly uuid: string;
  readonly vmx: string;
  readonly host: string;
  readonly power: string;
  readonly devices: readonly LabDevice[];
}
interface LabCalls {
  readonly byMethod: Readonly<Record<string, number>>;
  readonly folder: Readonly<Record<string, number>>;
}

export async function tasksOf(system: System, method: string): Promise<readonly LabTask[]> {
  return (await system.lab('GET', `/tasks?method=${method}`)) as readonly LabTask[];
}

/** How often a method's Task was issued for a path with this text in it (a volume's name). */
export async function countTasks(system: System, method: string, text: string): Promise<number> {
  return (await tasksOf(system, method)).filter((task) => task.args.some((arg) => arg.includes(text))).length;
}

export async function disksOf(system: System, text: string): Promise<readonly LabDisk[]> {
  return ((await system.lab('GET', '/disks')) as readonly LabDisk[]).filter((disk) => disk.path.includes(text));
}

export async function machineNamed(system: System, name: string): Promise<LabMachine> {
  const all = (await system.lab('GET', '/vms')) as readonly LabMachine[];
  const found = all.find((machine) => machine.name === name);
  if (found === undefined) throw new Error(`the lab has no machine ${name}`);
  return found;
}

/** How many devices, over all machines, have a disk with this text in its path. */
export async function devicesWith(system: System, text: string): Promise<readonly (LabDevice & { vm: string })[]> {
  const all = (await system.lab('GET', '/vms')) as readonly LabMachine[];
  return all.flatMap((machine) =>
    machine.devices
      .filter((device) => device.disk?.includes(text) === true)
      .map((device) => Object.assign({ vm: machine.name }, device)),
  );
}

/** Calls so far of methods that change something, and of files written or deleted. */
export async function changesSoFar(system: System): Promise<Readonly<Record<string, number>>> {
  const { byMethod, folder } = (await system.lab('GET', '/calls')) as LabCalls;
  const readers =
    /^(Find|Retrieve|Query|Search|Wait|Create(Filter|PropertyCollector|(Container|List)View|CollectorFor)|Destroy)/;
  const others = [
    'Login',
    'Logout',
    'CurrentTime',
    'SessionIsActive',
    'ContinueRetrievePropertiesEx',
    'CancelWaitForUpdates',
    'ModifyListView',
    'ResetListView',
  ];
  const changing = Object.entries(byMethod).filter(
    ([method]) => (!readers.test(method) || method === 'Destroy_Task') && !others.includes(method),
  );
  const written = Object.entries(folder).filter(([verb]) => verb !== 'GET' && verb !== 'HEAD');
  return Object.fromEntries([...changing, ...written]);
}

/** A machine's extraConfig, as its .vmx has it. */
export async function machineConfigs(
  system: System,
  { vmx }: Pick<LabMachine, 'vmx'>,
): Promise<Readonly<Record<string, string>>> {
  const [, datastore = '', path = ''] = /^\[([^\]]+)\] (.*)$/.exec(vmx) ?? [];
  const text = await readFile(join(await directoryOf(system, datastore), path), 'utf8');
  const pairs = text.matchAll(/<extraConfig[^>]*><key>([^<]*)<\/key><value[^>]*>([^<]*)<\/value>/g);
  return Object.fromEntries([...pairs].map(([, key = '', value = '']) => [unescapeXml(key), unescapeXml(value)]));
}

function unescapeXml(text: string): string {
  const named: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" };
  return text.replaceAll(/&(?:#(\d+)|#x([0-9A-Fa-f]+)|(\w+));/g, (_, decimal?: string, hex?: string, name?: string) => {
    if (name !== undefined) return named[name] ?? '';
    return String.fromCodePoint(decimal === undefined ? Number.parseInt(hex ?? '0', 16) : Number(decimal));
  });
}

/** Where a datastore's files are on this machine's file system. */
export async function directoryOf(system: System, datastore: string): Promise<string> {
  const all = (await system.lab('GET', '/datastores')) as readonly { readonly name: string; readonly dir: string }[];
  const found = all.find((each) => each.name === datastore);
  if (found === undefined) throw new Error(`the lab has no datastore ${datastore}`);
  return found.dir;
}

/** Every file and directory on all datastores with this text in its path. */
export async function filesWith(system: System, text: string): Promise<readonly string[]> {
  const all = (await system.lab('GET', '/datastores')) as readonly { readonly dir: string }[];
  const lists = await Promise.all(all.map(({ dir }) => pathsBelow(dir)));
  return lists.flat().filter((path) => path.includes(text));
}

/**
 * Every file and directory below a directory, relative to it. Other jobs go on meanwhile: a directory that was seen and is gone before it
 * is read had nothing in it that stays. (`readdir`'s own recursion fails then, and says nothing about the rest.)
 */
export async function pathsBelow(root: string, inner = ''): Promise<readonly string[]> {
  const entries = await readdir(join(root, inner), { withFileTypes: true }).catch((error: unknown) => {
    if (inner !== '' && isGone(error)) return [];
    throw error;
  });
  const lists = await Promise.all(
    entries.map(async (entry) => {
      const path = join(inner, entry.name);
      return entry.isDirectory() ? [path, ...(await pathsBelow(root, path))] : [path];
    }),
  );
  return lists.flat();
}

function isGone(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}

/** `volume.json` as it lies on the datastore. */
export async function documentOf(system: System, datastore: string, name: string): Promise<VolumeDocument> {
  const path = `${await directoryOf(system, datastore)}/stowage/volumes/${name}/volume.json`;
  return JSON.parse(await readFile(path, 'utf8')) as VolumeDocument;
}

/** The file with a disk's content. */
export async function extentOf(system: System, path: string): Promise<string> {
  const [disk] = (await disksOf(system, path)).filter((each) => each.path === path);
  if (disk === undefined) throw new Error(`the lab has no disk ${path}`);
  const names = await readdir(dirname(disk.file));
  const stem = path.slice(path.lastIndexOf('/') + 1).replace(/\.vmdk$/, '');
  const flat = names.find((name) => name === `${stem}-flat.vmdk`);
  if (flat === undefined) throw new Error(`no extent beside ${disk.file}: ${names.join(', ')}`);
  return `${dirname(disk.file)}/${flat}`;
}

/** Polls until `look` returns something; fails after the deadline, saying what it waited for. */
export async function eventually<T>(
  what: string,
  look: () => Promise<T | undefined | false>,
  timeoutMs = 60_000,
): Promise<T> {
  const endAt = performance.now() + timeoutMs;
  for (;;) {
    const seen = await look();
    if (seen !== undefined && seen !== false) return seen;
    if (performance.now() > endAt) throw new Error(`waited ${timeoutMs} ms in vain: ${what}`);
    await sleep(25);
  }
}

export function untilTaskRuns(system: System, method: string): Promise<LabTask> {
  return eventually(`a running ${method}`, async () =>
    (await tasksOf(system, method)).find((task) => task.state === 'running' || task.state === 'queued'),
  );
}
