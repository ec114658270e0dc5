import { isErrorCode } from '../core/errors.ts';
import type { Moref } from '../core/ids.ts';
import type { Access, AccessFindings, AccessPlaces, MissingPrivilege } from '../core/ports/access.ts';
import type { Estates } from '../core/ports/estate.ts';
import type { VimCaller } from './caller.ts';
import type { Places } from './places.ts';
import { PRIVILEGES, type PrivilegePlace } from './privileges.ts';

/** An object on which privileges are asked for. */
interface Spot {
  readonly place: PrivilegePlace;
  readonly ref: Moref;
  /** For people: `datastore shared-1`. */
  readonly name: string;
}

interface Survey {
  readonly spots: Spot[];
  readonly absent: string[];
}

export function createAccess(caller: VimCaller, places: Places, estates: Estates): Access {
  async function datastores(names: readonly string[], survey: Survey, signal: AbortSignal): Promise<void> {
    for (const name of names) {
      try {
        const { ref } = await places.datastore(name, signal);
        survey.spots.push({ place: 'datastore', ref, name: `datastore ${name}` });
      } catch (error) {
        if (!isErrorCode(error, 'vcenter-not-found')) throw error;
        survey.absent.push(`datastore ${name}`);
      }
    }
  }

  async function containers(
    { cluster: wanted, ...names }: NonNullable<AccessPlaces['containers']>,
    survey: Survey,
    signal: AbortSignal,
  ): Promise<void> {
    const all = await estates.clusters(signal);
    const cluster = wanted === undefined ? all[0] : all.find(({ name }) => name === wanted);
    const network = (await estates.networks(signal)).find(({ name }) => name === names.network);
    if (network === undefined) survey.absent.push(`network ${names.network}`);
    else survey.spots.push({ place: 'network', ref: network.ref, name: `network ${network.name}` });
    if (cluster === undefined) {
      survey.absent.push(`cluster ${wanted ?? 'of any name'}`);
      return;
    }
    // What is not made yet will inherit what its parent grants.
    const rooms = await estates.find({ ...names, cluster: cluster.name }, signal);
    const { vmFolder } = await places.datacenter(signal);
    survey.spots.push({
      place: 'folder',
      ref: rooms?.folder ?? vmFolder,
      name: rooms === undefined ? "the datacenter's VM folder" : `folder ${names.folder}`,
    });
    if (cluster.pool !== undefined) {
      survey.spots.push({ place: 'cluster', ref: cluster.pool, name: `the root pool of ${cluster.name}` });
      const name = rooms === undefined ? `the root pool of ${cluster.name}` : `resource pool ${names.pool}`;
      survey.spots.push({ place: 'pool', ref: rooms?.pool ?? cluster.pool, name });
    }
    for (const ref of cluster.hosts.slice(0, 1)) {
      survey.spots.push({ place: 'host', ref, name: `the hosts of ${cluster.name}` });
    }
  }

  return {
    examine: (wanted, signal) =>
      places.refreshing(async () => {
        const { ref, name } = await places.datacenter(signal);
        const survey: Survey = { spots: [{ place: 'datacenter', ref, name: `datacenter ${name}` }], absent: [] };
        await datastores(wanted.datastores, survey, signal);
        if (wanted.containers !== undefined) await containers(wanted.containers, survey, signal);
        return await ask(caller, survey, signal);
      }),
  };
}

async function ask(caller: VimCaller, { spots, absent }: Survey, signal: AbortSignal): Promise<AccessFindings> {
  return await caller.withLogin(signal, async (login) => {
    const missing: MissingPrivilege[] = [];
    let asked = 0;
    for (const [place, here] of Map.groupBy(spots, (spot) => spot.place)) {
      const wanted = PRIVILEGES.filter(({ on }) => on === place);
      const params = { entity: here.map(({ ref }) => ref), sessionId: login.key, privId: wanted.map(({ id }) => id) };
      const answers =
        (await caller.read('HasPrivilegeOnEntities', 'authorizationManager', params, { signal, login })) ?? [];
      for (const { ref, name } of here) {
        asked += wanted.length;
        const granted = answers
          .filter(({ entity }) => entity === ref)
          .flatMap(({ privAvailability = [] }) => privAvailability.filter(({ isGranted }) => isGranted))
          .map(({ privId }) => privId);
        for (const { id, label, uses } of wanted) {
          if (!granted.includes(id)) missing.push({ id, label, on: name, uses });
        }
      }
    }
    return { user: login.userName, asked, missing, absent };
  });
}
