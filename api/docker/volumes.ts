import { z } from 'zod';
import { isErrorCode, StowageError } from '../../core/errors.ts';
import type { VolumeRecord } from '../../core/volume.ts';
import { type Answer, empty, json } from './answer.ts';
import { textMember } from './body.ts';
import { allRecords } from './listing.ts';
import type { Call, DockerParts, Route } from './parts.ts';
import { flagOf } from './query.ts';
import { runJob } from './run-job.ts';
import { ANONYMOUS_LABEL } from '../../jobs/container/anonymous.ts';
import { mountsVolume } from '../../jobs/container/users.ts';
import { filterVolumes, prunable } from './volume-filter.ts';
import { isOwnDriver, isVisible, nameHolders, renderVolume, renderVolumeWithStatus } from './volume-view.ts';

/** Volumes that one prune removes at once. */
const PRUNES = 8;

const strings = z.record(z.string(), z.string()).nullish();
const createBody = z.object({
  Name: textMember,
  Driver: textMember,
  DriverOpts: strings,
  Labels: strings,
  ClusterVolumeSpec: z.unknown().optional(),
});

async function create(call: Call, parts: DockerParts): Promise<Answer> {
  const parsed = createBody.safeParse((await call.readJson()) ?? {});
  if (!parsed.success) throw new StowageError('body-malformed', `invalid JSON: ${z.prettifyError(parsed.error)}`);
  const { Driver: driver, DriverOpts: options, Labels: labels } = parsed.data;
  if (!isOwnDriver(driver))
    throw new StowageError('store-not-found', `error looking up volume plugin ${driver}: plugin "${driver}" not found`);
  const isAnonymous = parsed.data.Name === '';
  const name = isAnonymous ? Buffer.from(parts.randomBytes(32)).toString('hex') : parsed.data.Name;
  const payload = {
    name,
    options: options ?? {},
    labels: isAnonymous ? { ...labels, [ANONYMOUS_LABEL]: '' } : (labels ?? {}),
  };
  try {
    await runJob(call, parts, 'volume.create', payload);
  } catch (error) {
    throw explainCreation(error, name);
  }
  return json(renderVolume(await find(parts, name)), 201);
}

/** The names of fields in our payload mean nothing to the CLI's users. */
function explainCreation(error: unknown, name: string): unknown {
  if (!isErrorCode(error, 'request-invalid')) return error;
  if (name.length < 2) {
    const text = `create ${name}: volume name is too short, names should be at least two alphanumeric characters`;
    return new StowageError('request-invalid', text, { cause: error });
  }
  const faults = (error.details.fields ?? []).map(({ pointer, detail }) => {
    const [, , part, key] = pointer.split('/');
    return part === 'options' && key !== undefined ? `option ${key}: ${detail}` : detail;
  });
  return new StowageError('request-invalid', `create ${name}: ${faults.join('; ') || error.message}`, { cause: error });
}

async function list(call: Call, { records }: DockerParts): Promise<Answer> {
  const [all, containers] = await Promise.all([allRecords(records, 'volume'), allRecords(records, 'container')]);
  const volumes = filterVolumes(call.query, all, containers);
  return json({ Volumes: volumes.map(renderVolume), Warnings: null });
}

async function inspect(call: Call, parts: DockerParts): Promise<Answer> {
  const volume = await find(parts, call.names['name'] ?? '');
  return json(renderVolumeWithStatus(volume, await usersOf(parts, volume)));
}

/** Containers that mount it, whether they run or not. */
async function usersOf({ records }: Pick<DockerParts, 'records'>, { name }: VolumeRecord) {
  return (await allRecords(records, 'container')).filter((each) => mountsVolume(each, name));
}

/** @throws `volume-not-found` with dockerd's text */
async function find({ records }: Pick<DockerParts, 'records'>, name: string): Promise<VolumeRecord> {
  const record = (await records.read('volume', name))?.record;
  if (record === undefined || !isVisible(record)) throw noSuchVolume(name);
  return record;
}

function noSuchVolume(name: string): StowageError {
  return new StowageError('volume-not-found', `get ${name}: no such volume`);
}

async function remove(call: Call, parts: DockerParts): Promise<Answer> {
  const name = call.names['name'] ?? '';
  try {
    const volume = await find(parts, name);
    const users = await usersOf(parts, volume);
    if (users.length > 0) throw inUse(name, users.map((user) => user.name).join(', '));
    if (volume.holders.length > 0) throw inUse(name, nameHolders(volume.holders));
    await runJob(call, parts, 'volume.remove', { name });
  } catch (error) {
    if (isErrorCode(error, 'volume-not-found')) {
      if (flagOf(call.query, 'force')) return empty();
      throw noSuchVolume(name);
    }
    if (isErrorCode(error, 'volume-in-use')) throw inUse(name, error.details.holder ?? 'a machine');
    throw error;
  }
  return empty();
}

function inUse(name: string, holder: string): StowageError {
  return new StowageError('volume-in-use', `remove ${name}: volume is in use - [${holder}]`, { holder });
}

/** What comes into use meanwhile stays, as with dockerd. */
async function prune(call: Call, parts: DockerParts): Promise<Answer> {
  const { records } = parts;
  const [volumes, containers] = await Promise.all([allRecords(records, 'volume'), allRecords(records, 'container')]);
  const waiting = [...prunable(call.query, { volumes, containers }, call.minor)];
  const removed: VolumeRecord[] = [];
  const work = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      if (await removeQuietly(call, parts, next)) removed.push(next);
    }
  };
  await Promise.all(Array.from({ length: PRUNES }, work));
  return json({
    VolumesDeleted: removed.map((volume) => volume.name).sort(),
    SpaceReclaimed: removed.reduce((sum, volume) => sum + volume.spec.capacityBytes, 0),
  });
}

async function removeQuietly(call: Call, parts: DockerParts, volume: VolumeRecord): Promise<boolean> {
  try {
    await runJob(call, parts, 'volume.remove', { name: volume.name });
    return true;
  } catch (error) {
    if (isErrorCode(error, 'volume-in-use', 'volume-busy', 'volume-not-found')) return false;
    throw error;
  }
}

const supported = { as: 'supported' } as const;

export const volumeRoutes: readonly Route[] = [
  { method: 'GET', path: '/volumes', role: 'viewer', support: supported, handler: list },
  {
    method: 'POST',
    path: '/volumes/create',
    role: 'operator',
    support: { as: 'partial', missing: 'drivers other than `vsphere` (`local` means it), cluster volumes' },
    handler: create,
  },
  { method: 'POST', path: '/volumes/prune', since: 25, role: 'operator', support: supported, handler: prune },
  { method: 'GET', path: '/volumes/{name}', role: 'viewer', support: supported, handler: inspect },
  { method: 'DELETE', path: '/volumes/{name}', role: 'operator', support: supported, handler: remove },
];
