import { isDeepStrictEqual } from 'node:util';
import type { ContainerRecord } from '../../core/container.ts';
import type { NewEvent } from '../../core/events.ts';
import { type ContainerId, type DatastorePath, machineUuidOf } from '../../core/ids.ts';
import type { Machine } from '../../core/ports/machines.ts';
import type { RecordChange, Versioned } from '../../core/record.ts';
import { isJobOver } from '../../core/states.ts';
import { containerEvent } from '../container/container-of.ts';
import { differs } from '../container/differs.ts';
import { readContainer } from '../container/documents.ts';
import { deviceVolumes } from '../container/payloads.ts';
import { containerLine, containersFolder } from '../container/place.ts';
import { withReach } from '../container/reach.ts';
import type { StepContext } from '../define.ts';
import { readAll } from '../read-all.ts';
import { within } from '../volume/place.ts';
import { recordOfMachine } from './container-record.ts';
import { inTurn } from './scan.ts';
import { flagStrays, STRAYS_OF_CONTAINERS } from './strays.ts';

// Containers: their machines' configuration is the truth. A record that is missing is rebuilt from it; where record and machine differ,
// `container.sync` looks again in the container's own line. No machine is changed here, and none is deleted.

type AnyContext = StepContext<unknown, unknown>;
type Known = ReadonlyMap<string, Versioned<ContainerRecord>>;
type Outcome = 'written' | 'finishing' | 'nothing';

export interface ContainerCounts {
  readonly containers: number;
  readonly written: number;
  readonly finishing: number;
}

interface Stray {
  readonly name: DatastorePath;
  readonly reason: string;
}

export async function reconcileContainers(context: AnyContext): Promise<ContainerCounts> {
  const { containers: world } = context.world;
  if (world === undefined) return { containers: 0, written: 0, finishing: 0 };
  const { estates, machines } = context.dataCentre;
  // Records first: what is made meanwhile is then newer than what was seen, and its revision protects it.
  const known: Known = new Map((await readAll(context, 'container')).map((each) => [each.record.name, each]));
  const estate = await estates.find(world, context.signal);
  const all = estate === undefined ? [] : await machines.list(estate.folder, context.signal);
  const { owned, strays } = sort(all, known);
  const outcomes = [
    ...(await inTurn([...owned], ([id, machine]) => atMachine(context, machine, known.get(id)))),
    ...(await inTurn(
      [...known.values()].filter(({ record }) => !owned.has(record.name)),
      (each) => withoutMachine(context, each),
    )),
    ...(await freeNames(context)),
  ];
  const homes = await strayHomes(context, containersFolder(world), new Set([...owned.keys(), ...known.keys()]), all);
  const found = [...strays, ...homes].map((stray) => ({ ...stray, store: STRAYS_OF_CONTAINERS }));
  await flagStrays(context, found, (stray) => stray.store === STRAYS_OF_CONTAINERS);
  const count = (what: Outcome): number => outcomes.filter((outcome) => outcome === what).length;
  return { containers: owned.size, written: count('written'), finishing: count('finishing') };
}

/** One machine for each container: the one that runs, else the one that answers; and what is nobody's. */
function sort(
  all: readonly Machine[],
  known: Known,
): { readonly owned: ReadonlyMap<ContainerId, Machine>; readonly strays: readonly Stray[] } {
  const owned = new Map<ContainerId, Machine>();
  const strays: Stray[] = [];
  const rank = ({ connected, power }: Machine): number => (connected ? 0 : 2) + (power === 'on' ? 0 : 1);
  const uuids = new Map([...known.values()].map(({ record }) => [machineUuidOf(record.name), record.name]));
  for (const machine of all.toSorted((a, b) => rank(a) - rank(b))) {
    const id = readContainer(machine.extraConfig)?.document.id ?? (machine.uuid && uuids.get(machine.uuid));
    const isCopy = id !== undefined && machine.uuid !== machineUuidOf(id);
    if (id !== undefined && !isCopy && !owned.has(id)) owned.set(id, machine);
    else strays.push(...strayOf(machine, id));
  }
  return { owned, strays };
}

/** One that vCenter cannot read may be anybody's. */
function strayOf({ name, ref, vmxPath, connected }: Machine, id: ContainerId | undefined): readonly Stray[] {
  if (vmxPath === undefined || (id === undefined && !connected)) return [];
  const reason =
    id === undefined
      ? `the machine ${name} (${ref}) is no container's`
      : `the machine ${name} (${ref}) is a second one of container ${id}`;
  return [{ name: vmxPath, reason }];
}

async function atMachine(
  context: AnyContext,
  machine: Machine,
  known: Versioned<ContainerRecord> | undefined,
): Promise<Outcome> {
  const isHalfMade = known?.record.state === 'creating';
  if (known === undefined || isHalfMade) {
    if (known !== undefined && (await isAtWork(context, known.record))) return 'nothing';
    return adopt(context, machine, known?.rev ?? 0);
  }
  const { record } = known;
  if (record.state === 'removing') return finishRemoval(context, record);
  const volumes = await Promise.all(
    deviceVolumes(record.spec.mounts).map((name) => context.records.read('volume', name)),
  );
  const found = volumes.flatMap((each) => (each === undefined ? [] : [each.record]));
  // A guest that got its address late has told it since.
  const isSame = differs(record, machine, found) === undefined && isDeepStrictEqual(withReach(record, machine), record);
  if (isSame && !(await waitsForever(context, record, machine))) {
    return holdName(context, record);
  }
  return sync(context, record);
}

/** Its restart, or its recovery, was forgotten. */
async function waitsForever(
  context: AnyContext,
  { state, run, recovery }: ContainerRecord,
  { connected }: Machine,
): Promise<boolean> {
  if (state === 'exited') return run.wanted === 'running';
  if (state !== 'recovering' || !connected) return false;
  const job = recovery === undefined ? undefined : await context.jobs.read(recovery);
  return job === undefined || isJobOver(job.state);
}

async function adopt(context: AnyContext, machine: Machine, rev: number): Promise<Outcome> {
  const read = readContainer(machine.extraConfig);
  if (read === undefined) return 'nothing';
  const record = recordOfMachine(machine, read, context.now());
  const owner = await context.records.read('container-name', record.called);
  const names = owner === undefined ? [nameOf(record, 0)] : [];
  const adopted = containerEvent('container.adopted', record, { state: record.state, machine: machine.ref });
  const outcome = await write(context, [{ op: 'put', record, expectedRev: rev }, ...names], [adopted]);
  // Whether its run has ended, and what becomes of it, is decided with fresh eyes.
  const isToBeLookedAt = outcome === 'written' && record.run.wanted === 'running' && machine.power === 'off';
  return isToBeLookedAt ? sync(context, record) : outcome;
}

const nameOf = ({ name, called }: ContainerRecord, expectedRev: number): RecordChange => ({
  op: 'put',
  record: { type: 'container-name', name: called, container: name },
  expectedRev,
});

async function holdName(context: AnyContext, record: ContainerRecord): Promise<Outcome> {
  const owner = await context.records.read('container-name', record.called);
  if (owner !== undefined || (await isAtWork(context, record))) return 'nothing';
  return write(context, [nameOf(record, 0)], []);
}

/** Half made: it goes, since nothing of it is there. Half gone: its removal is asked for again. Else somebody took its machine away. */
async function withoutMachine(context: AnyContext, known: Versioned<ContainerRecord>): Promise<Outcome> {
  const { record } = known;
  if (await isAtWork(context, record)) return 'nothing';
  if (record.state === 'removing') return finishRemoval(context, record);
  if (record.state !== 'creating')
    return differs(record, undefined, []) === undefined ? 'nothing' : sync(context, record);
  const owner = await context.records.read('container-name', record.called);
  const own: readonly RecordChange[] = [
    { op: 'remove', type: 'container', name: record.name, expectedRev: known.rev },
    ...(owner?.record.container === record.name
      ? [{ op: 'remove' as const, type: 'container-name' as const, name: record.called, expectedRev: owner.rev }]
      : []),
  ];
  const outcome = await write(context, own, []);
  if (outcome !== 'written') return outcome;
  for (const { anonymous, volume } of record.spec.mounts) {
    if (anonymous) await context.submit('volume.remove', { name: volume });
  }
  return outcome;
}

async function finishRemoval(context: AnyContext, record: ContainerRecord): Promise<Outcome> {
  if (await isAtWork(context, record)) return 'nothing';
  await context.submit('container.remove', { container: record.name, force: true });
  return 'finishing';
}

async function sync(context: AnyContext, record: ContainerRecord): Promise<Outcome> {
  if (await isAtWork(context, record)) return 'nothing';
  await context.submit('container.sync', { container: record.name });
  return 'finishing';
}

async function isAtWork({ jobs }: AnyContext, { name }: ContainerRecord): Promise<boolean> {
  const { items } = await jobs.list({ resource: containerLine(name) }, { limit: 20 });
  return items.some(({ state }) => !isJobOver(state));
}

/** Names of containers that are gone: left by a container that was renamed while its removal was under way. */
async function freeNames(context: AnyContext): Promise<readonly Outcome[]> {
  return inTurn(await readAll(context, 'container-name'), async ({ rev, record }): Promise<Outcome> => {
    if ((await context.records.read('container', record.container)) !== undefined) return 'nothing';
    return write(context, [{ op: 'remove', type: 'container-name', name: record.name, expectedRev: rev }], []);
  });
}

/** Of a machine that somebody took out of the inventory before Redis was emptied, or of a creation that left something. */
async function strayHomes(
  context: AnyContext,
  folder: DatastorePath,
  ids: ReadonlySet<string>,
  all: readonly Machine[],
): Promise<readonly Stray[]> {
  const entries = (await context.dataCentre.files.list(folder, context.signal)) ?? [];
  return entries
    .filter(({ isDirectory, name }) => isDirectory && !ids.has(name))
    .map(({ name }) => ({ name: within(folder, name), reason: 'a directory of no container' }))
    .filter(({ name }) => !all.some(({ vmxPath = '' }) => vmxPath.startsWith(`${name}/`)));
}

async function write(
  context: AnyContext,
  changes: readonly RecordChange[],
  events: readonly NewEvent[],
): Promise<Outcome> {
  return (await context.records.observe(changes, events)) === 'done' ? 'written' : 'nothing';
}
