import type { AccessFindings, AccessPlaces, MissingPrivilege } from '../../core/ports/access.ts';
import type { DatastoreFacts } from '../../core/ports/data-centre.ts';
import type { StepContext, World } from '../define.ts';
import { type Check, examine, failed, ok, skipped, warning } from './checks.ts';

// What doctor asks of vCenter: login and version, the clock, privileges, and the room of containers.

type Context = Pick<StepContext<unknown, unknown>, 'dataCentre' | 'world' | 'signal' | 'now'>;

/** Releases: 6.5 is the oldest with all that Stowage calls, 8.0 the oldest that its maker still mends. */
const LEAST_VERSION = [6, 5] as const;
const GOOD_VERSION = [8, 0] as const;
/** Tasks in flight are looked for in vCenter's time, less a minute for clocks that differ. */
const CLOCK_FAILED_MS = 60_000;
const CLOCK_WARNING_MS = 5_000;
/** So many privileges are named; the rest is counted. */
const MOST_NAMED = 8;

export async function examineVcenter(context: Context): Promise<readonly Check[]> {
  const { dataCentre, signal } = context;
  const login = await examine('vcenter.login', signal, async (soon) => {
    const begunMs = Date.parse(context.now());
    const { about, apiVersion, clock } = await dataCentre.ping(soon);
    const endMs = Date.parse(context.now());
    return [
      ok('vcenter.login', `${about} answers, and the account may log in`),
      judgeVersion(about, apiVersion),
      judgeClock(Date.parse(clock) - (begunMs + endMs) / 2, (endMs - begunMs) / 2),
    ];
  });
  // Without a login every other question has the same answer.
  if (login.some(({ name, state }) => name === 'vcenter.login' && state === 'failed')) {
    const names = ['vcenter.version', 'vcenter.clock', 'vcenter.privileges', 'containers.place'];
    return [...login, ...names.map((name) => skipped(name, 'vCenter could not be asked'))];
  }
  return [
    ...login,
    ...(await examine('vcenter.privileges', signal, (soon) => privileges(context, soon))),
    ...(await examine('containers.place', signal, (soon) => containersPlace(context, soon))),
  ];
}

export function judgeVersion(about: string, apiVersion: string): Check {
  const name = 'vcenter.version';
  const parts = apiVersion.split('.').map(Number);
  const isAtLeast = ([major, minor]: readonly [number, number]): boolean => {
    const [ourMajor = 0, ourMinor = 0] = parts;
    return ourMajor > major || (ourMajor === major && ourMinor >= minor);
  };
  if (parts.some(Number.isNaN))
    return warning(name, `${about} says version "${apiVersion}", which tells nothing`, 'See whether it is a vCenter.');
  if (!isAtLeast(LEAST_VERSION))
    return failed(name, `${about} (API ${apiVersion}) is older than 6.5`, 'Upgrade vCenter.');
  if (!isAtLeast(GOOD_VERSION))
    return warning(name, `${about} (API ${apiVersion}) is out of its maker's support`, 'Plan to upgrade vCenter.');
  return ok(name, `${about}, API ${apiVersion}`);
}

/** @param offMs vCenter's clock less ours @param looseMs how far that can be wrong */
export function judgeClock(offMs: number, looseMs: number): Check {
  const name = 'vcenter.clock';
  const size = Math.max(0, Math.abs(offMs) - looseMs);
  const words = `vCenter's clock is ${(size / 1_000).toFixed(1)} s ${offMs < 0 ? 'behind' : 'ahead of'} this worker's`;
  const advice = 'Have vCenter, the hosts and the workers take their time from the same NTP servers.';
  if (size >= CLOCK_FAILED_MS)
    return failed(name, `${words}: Tasks of a worker that died might not be found again`, advice);
  if (size >= CLOCK_WARNING_MS) return warning(name, words, advice);
  return ok(name, size < 1_000 ? 'vCenter and this worker have the same time' : words);
}

async function privileges({ dataCentre, world }: Context, signal: AbortSignal): Promise<readonly Check[]> {
  const { datastores } = await dataCentre.inventory.read(signal);
  return [judgeAccess(await dataCentre.access.examine(placesOf(world, datastores), signal))];
}

/** Where Stowage works. A datastore cluster stands for each datastore in it. */
function placesOf(world: World, datastores: readonly DatastoreFacts[]): AccessPlaces {
  const ofStores = [...world.stores.values()].flatMap(({ target }) =>
    target.type === 'datastore'
      ? [target.name]
      : datastores.filter(({ pod }) => pod === target.name).map(({ name }) => name),
  );
  const { imageStore, containers } = world;
  const others = [imageStore?.datastore, containers?.store.datastore].filter((name) => name !== undefined);
  return {
    datastores: [...new Set([...ofStores, ...others])],
    ...(containers === undefined
      ? {}
      : {
          containers: {
            folder: containers.folder,
            pool: containers.pool,
            network: containers.network,
            ...(containers.cluster === undefined ? {} : { cluster: containers.cluster }),
          },
        }),
  };
}

export function judgeAccess({ user, asked, missing }: AccessFindings): Check {
  const name = 'vcenter.privileges';
  if (missing.length === 0) return ok(name, `${user} has all ${asked} privileges that were asked for`);
  const named = missing.slice(0, MOST_NAMED).map(({ id, on }) => `${id} on ${on}`);
  const more = missing.length > named.length ? `, and ${missing.length - named.length} more` : '';
  const message = `${user} lacks ${missing.length} of ${asked} privileges: ${named.join('; ')}${more}. Without them, no ${usesOf(missing)}`;
  const advice = `Add to the role of the account: ${labelsOf(missing)}. docs/vcenter-role.md has the whole list.`;
  const isMinor = missing.every(({ uses }) => uses.every((use) => use === 'draining hosts'));
  return isMinor ? warning(name, message, advice) : failed(name, message, advice);
}

function usesOf(missing: readonly MissingPrivilege[]): string {
  return [...new Set(missing.flatMap(({ uses }) => uses))].join(', ');
}

function labelsOf(missing: readonly MissingPrivilege[]): string {
  return [...new Set(missing.map(({ label }) => label))].slice(0, MOST_NAMED).join('; ');
}

async function containersPlace({ dataCentre, world }: Context, signal: AbortSignal): Promise<readonly Check[]> {
  const name = 'containers.place';
  const { containers } = world;
  if (containers === undefined) return [skipped(name, 'this installation runs no containers')];
  const clusters = await dataCentre.estates.clusters(signal);
  const wanted = containers.cluster;
  const matching = wanted === undefined ? clusters : clusters.filter((each) => each.name === wanted);
  const [cluster, another] = matching;
  if (cluster === undefined) {
    return [
      failed(
        name,
        `there is no cluster ${wanted ?? 'that the account may see'}`,
        'Correct VCENTER_CLUSTER, or let the account see it.',
      ),
    ];
  }
  if (another !== undefined) {
    const names = matching.map((each) => each.name).join(', ');
    return [failed(name, `vCenter has several clusters: ${names}`, 'Name one of them by VCENTER_CLUSTER.')];
  }
  const networks = await dataCentre.estates.networks(signal);
  if (networks.every((network) => network.name !== containers.network)) {
    return [
      failed(
        name,
        `there is no network ${containers.network}`,
        'Correct STOWAGE_CONTAINER_NETWORK, or make the port group.',
      ),
    ];
  }
  const { hosts } = await dataCentre.inventory.read(signal);
  const able = hosts.filter(
    ({ ref, connection, inMaintenance }) => cluster.hosts.includes(ref) && connection === 'connected' && !inMaintenance,
  );
  const words = `cluster ${cluster.name} has ${able.length} of ${cluster.hosts.length} hosts to run containers on; DRS is ${cluster.drs ? 'on' : 'off'}, vSphere HA is ${cluster.ha ? 'on' : 'off'}`;
  if (able.length === 0)
    return [failed(name, words, 'Bring a host of the cluster back, or take one out of maintenance.')];
  if (able.length === 1)
    return [warning(name, words, 'With one host there is nowhere to recover containers to: add another.')];
  return [ok(name, words)];
}
