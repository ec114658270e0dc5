import { z } from 'zod';
import { type DatastorePath, parentPath, resourceKey } from '../../core/ids.ts';
import type { JsonObject } from '../../core/job.ts';
import type { Versioned } from '../../core/record.ts';
import type { VolumeDocument, VolumeRecord, VolumeSpec } from '../../core/volume.ts';
import { type AnyKind, defineKind, type Step, type StepContext } from '../define.ts';
import { readAll } from '../read-all.ts';
import { compareVolume, type Finding } from './compare.ts';
import { type ContainerCounts, reconcileContainers } from './containers.ts';
import { type Attachments, readAttachments } from './holders.ts';
import { readDocument } from '../volume/document.ts';
import { type ImageCounts, reconcileImages } from './images.ts';
import { locateDisk } from './locate.ts';
import { type FoundHome, inTurn, scanStores } from './scan.ts';
import { flagStrays, STRAYS_OF_CONTAINERS, STRAYS_OF_IMAGES } from './strays.ts';

// Makes the records equal to what lies in vSphere. It writes records only; what a crash left half made or half removed is ended by the
// ordinary jobs, which it submits; what it does not know it flags. Nothing is deleted here.

type Payload = Readonly<Record<string, never>>;
interface Notes {
  readonly counts: {
    readonly homes: number;
    readonly written: number;
    readonly finishing: number;
    readonly busy: number;
    readonly strays: number;
  };
  readonly imageCounts: ImageCounts;
  readonly containerCounts: ContainerCounts;
}
type Context = StepContext<Payload, Notes>;
/** Records are read before the datastores: a volume made meanwhile is then newer than what was seen, and its revision protects it. */
const compare: Step<Payload, Notes> = {
  name: 'compare',
  isLocal: true,
  async run(context) {
    const known = new Map<string, Versioned<VolumeRecord>>(
      (await readAll(context, 'volume')).map((each) => [each.record.name, each]),
    );
    const alive = await machinesAlive(context);
    const homes = await scanStores(context);
    const { volumes, unknown } = sort(homes, known);
    const disks = [...volumes.values()].flatMap((home) =>
      home.document?.disk === undefined ? [] : [home.document.disk],
    );
    const attachments = await readAttachments(context.dataCentre, disks, context.signal);
    const places = await locateDisks(context, [...volumes.values()], attachments);
    const names = [...new Set([...volumes.keys(), ...known.keys()])];
    const outcomes = await inTurn(names, async (name) => {
      const record = known.get(name);
      if (record !== undefined && !isSeen(record.record, context)) return 'nothing';
      const home = volumes.get(name);
      const seen = { home, known: record, attachments, alive, diskPath: places.get(name), now: context.now() };
      const finding = compareVolume(seen);
      return apply(context, finding, { home, known: record });
    });
    // The folder into which a volume's disk was moved is no stray.
    const inUse = new Set<string>([...places.values()].map(parentPath));
    const flagged = await flagStrays(
      context,
      unknown
        .filter(({ home }) => !inUse.has(home.place.home))
        .map(({ home, reason }) => ({ name: home.place.home, store: home.store.name, reason })),
      ({ store }) => store !== STRAYS_OF_IMAGES && store !== STRAYS_OF_CONTAINERS,
    );
    const count = (what: string): number => outcomes.filter((outcome) => outcome === what).length;
    return {
      notes: {
        counts: {
          homes: homes.length,
          written: count('done'),
          finishing: count('finishing'),
          busy: count('busy') + count('stale'),
          strays: flagged,
        },
      },
    };
  },
};

async function locateDisks(
  context: Context,
  homes: readonly FoundHome[],
  attachments: Attachments,
): Promise<ReadonlyMap<string, DatastorePath>> {
  const found = await inTurn(homes, async (home) => {
    const path = await locateDisk(context, home, attachments);
    return path === undefined ? undefined : ([home.directory, path] as const);
  });
  return new Map(found.filter((each) => each !== undefined));
}

/** A record whose store is no longer configured is neither seen nor missed. */
function isSeen(record: VolumeRecord, context: Context): boolean {
  return context.world.stores.has(record.spec.store);
}

/** The volumes by name, also those whose document is damaged or gone; and what is no volume, or one whose name another directory has already. */
function sort(
  homes: readonly FoundHome[],
  known: ReadonlyMap<string, Versioned<VolumeRecord>>,
): {
  readonly volumes: ReadonlyMap<string, FoundHome>;
  readonly unknown: readonly { readonly home: FoundHome; readonly reason: string }[];
} {
  const volumes = new Map<string, FoundHome>();
  const unknown: { home: FoundHome; reason: string }[] = [];
  for (const home of homes) {
    const isKnownHome = known.get(home.directory)?.record.place?.home === home.place.home;
    const name = home.document?.name ?? (isKnownHome ? home.directory : undefined);
    if (name === undefined)
      unknown.push({ home, reason: home.damage ?? 'a directory without the document of a volume' });
    else if (name !== home.directory) unknown.push({ home, reason: `the document is of a volume named ${name}` });
    else if (volumes.has(name))
      unknown.push({
        home,
        reason: `a second volume named ${name}; the first is ${volumes.get(name)?.place.home ?? ''}`,
      });
    else volumes.set(name, home);
  }
  return { volumes, unknown };
}

async function apply(
  context: Context,
  finding: Finding,
  seen: { readonly home: FoundHome | undefined; readonly known: Versioned<VolumeRecord> | undefined },
): Promise<'done' | 'stale' | 'busy' | 'nothing' | 'finishing'> {
  const { home, known } = seen;
  const document = home?.document;
  if (finding.finish !== undefined && home !== undefined && document !== undefined) {
    // To write the record as it is tells whether a job is at the volume now: then that job ends what it began.
    const record = known ?? (await context.records.read('volume', document.name));
    // A job may have ended what was seen half done: finishing it now would bring back what was cancelled.
    const again = await readDocument(context.dataCentre.files, home.place.home, context.signal);
    if (again?.state !== document.state || again.job !== document.job) return 'busy';
    const isAtWork =
      record !== undefined &&
      (await context.records.observe([{ op: 'put', record: record.record, expectedRev: record.rev }], [])) !== 'done';
    if (isAtWork) return 'busy';
    await context.submit(
      finding.finish.kind,
      finding.finish.kind === 'volume.create' ? payloadOf(document) : { name: document.name },
    );
    return 'finishing';
  }
  if (finding.changes.length === 0) return 'nothing';
  return context.records.observe(finding.changes, finding.events);
}

/** The creation that a half-made volume's document stands for. */
function payloadOf(document: VolumeDocument): JsonObject {
  const { spec, name } = document;
  const options: Record<string, string> = { VolumeStore: spec.store, diskformat: spec.diskFormat, access: spec.access };
  if (spec.cloneFrom === undefined) Object.assign(options, sizeOptions(spec));
  else options['clone-from'] = spec.cloneFrom;
  return { name, options, labels: spec.labels };
}

function sizeOptions(spec: VolumeSpec): Record<string, string> {
  return { Capacity: `${spec.capacityBytes}B`, fstype: spec.fileSystem };
}

const images: Step<Payload, Notes> = {
  name: 'images',
  isLocal: true,
  run: async (context) => ({ notes: { imageCounts: await reconcileImages(context) } }),
};

const containers: Step<Payload, Notes> = {
  name: 'containers',
  isLocal: true,
  run: async (context) => ({ notes: { containerCounts: await reconcileContainers(context) } }),
};

/** Machines of containers that run, or are on their way: whether they still have their volumes is for `container.sync` to find out. */
async function machinesAlive(context: Context): Promise<ReadonlySet<string>> {
  const alive = ['starting', 'running', 'paused', 'stopping', 'recovering'];
  return new Set(
    (await readAll(context, 'container')).flatMap(({ record: { state, machine } }) =>
      machine !== undefined && alive.includes(state) ? [machine.ref] : [],
    ),
  );
}

export const reconcileRun: AnyKind = defineKind<Payload, Notes>({
  kind: 'reconcile.run',
  summary:
    'Rebuilds every record from vSphere, submits the jobs that end what crashes left half done (also the removal of layers that no image has), and flags what it does not know.',
  role: 'operator',
  lane: 'upkeep',
  payload: z.strictObject({}),
  result: z.object({
    homes: z.number().describe('directories seen in the volume stores'),
    written: z.number().describe('records rebuilt or corrected'),
    finishing: z.number().describe('jobs submitted for what was half done'),
    busy: z.number().describe('volumes left alone because a job is at them'),
    strays: z.number().describe('things that Stowage does not know'),
    images: z.number().describe('images seen in the image store'),
    layers: z.number().describe('layers seen there'),
    containers: z.number().describe('machines of containers'),
  }),
  resources: () => [resourceKey('system', 'reconcile')],
  joins: true,
  retry: { maxAttempts: 4, baseMs: 1_000, capMs: 30_000 },
  deadlineMs: 60 * 60 * 1_000,
  steps: [compare, images, containers],
  finish: ({ notes }) => {
    const volumes = notes.counts ?? { homes: 0, written: 0, finishing: 0, busy: 0, strays: 0 };
    const other = notes.imageCounts ?? { images: 0, layers: 0, written: 0, finishing: 0 };
    const crew = notes.containerCounts ?? { containers: 0, written: 0, finishing: 0 };
    return {
      ...volumes,
      written: volumes.written + other.written + crew.written,
      finishing: volumes.finishing + other.finishing + crew.finishing,
      images: other.images,
      layers: other.layers,
      containers: crew.containers,
    };
  },
});
