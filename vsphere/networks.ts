import { StowageError } from '../core/errors.ts';
import { type Moref, splitMoref } from '../core/ids.ts';
import type { NetworkFacts } from '../core/ports/estate.ts';
import type { VimCaller } from './caller.ts';
import type { NicBacking } from './machine-spec.ts';
import type { Places } from './places.ts';
import { readObject, readObjects } from './properties.ts';

/** Networks and distributed port groups of the datacenter. */
export async function readNetworks(
  caller: VimCaller,
  places: Places,
  signal: AbortSignal,
): Promise<readonly NetworkFacts[]> {
  return places.refreshing(async () => {
    const { ref } = await places.datacenter(signal);
    const datacenter = await readObject(caller, { type: 'Datacenter', ref, paths: ['network'] }, signal);
    const refs = datacenter?.network ?? [];
    const found = await readObjects(caller, { type: 'Network', refs, paths: ['name'] }, signal);
    return found.flatMap(({ ref: network, name }) => (name === undefined ? [] : [{ ref: network, name }]));
  });
}

async function portgroupBacking(caller: VimCaller, ref: Moref, signal: AbortSignal): Promise<NicBacking | undefined> {
  const paths = ['key', 'config.distributedVirtualSwitch'] as const;
  const portgroup = await readObject(caller, { type: 'DistributedVirtualPortgroup', ref, paths }, signal);
  const at = portgroup?.['config.distributedVirtualSwitch'];
  if (portgroup?.key === undefined || at === undefined) return undefined;
  const wanted = { type: 'DistributedVirtualSwitch', ref: at, paths: ['uuid'] } as const;
  const switchUuid = (await readObject(caller, wanted, signal))?.uuid;
  if (switchUuid === undefined) return undefined;
  return {
    xsiType: 'VirtualEthernetCardDistributedVirtualPortBackingInfo',
    port: { switchUuid, portgroupKey: portgroup.key },
  };
}

/** How a NIC is put into a network. @throws StowageError `vcenter-not-found` */
export async function backingOf(
  caller: VimCaller,
  places: Places,
  network: string,
  signal: AbortSignal,
): Promise<NicBacking> {
  const found = (await readNetworks(caller, places, signal)).find(({ name }) => name === network);
  const backing =
    found === undefined
      ? undefined
      : splitMoref(found.ref).type === 'DistributedVirtualPortgroup'
        ? await portgroupBacking(caller, found.ref, signal)
        : ({
            xsiType: 'VirtualEthernetCardNetworkBackingInfo',
            deviceName: found.name,
            network: found.ref,
          } as const);
  if (backing === undefined) throw new StowageError('vcenter-not-found', `there is no network ${network}`);
  return backing;
}
