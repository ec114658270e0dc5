import { createHash } from 'node:crypto';
import type { ContainerRecord, NetworkMode } from '../../core/container.ts';
import { hasLabels, filtersOf, flagFilter } from './query.ts';

// The two networks that there are: vSphere's port group for containers, and none.

export interface DockerNetwork {
  readonly id: string;
  readonly name: NetworkMode;
  readonly driver: 'bridge' | 'null';
}

/** Docker's networks have ids; ours are the same everywhere. */
function networkOf(name: NetworkMode, driver: DockerNetwork['driver']): DockerNetwork {
  return { id: createHash('sha256').update(`stowage network ${name}`).digest('hex'), name, driver };
}

const NETWORKS: Readonly<Record<NetworkMode, DockerNetwork>> = {
  bridge: networkOf('bridge', 'bridge'),
  none: networkOf('none', 'null'),
};

/** By its name, its id, or the beginning of that. */
export function findNetwork(text: string): DockerNetwork | undefined {
  const all = Object.values(NETWORKS);
  return all.find(({ name }) => name === text) ?? all.find(({ id }) => text.length > 0 && id.startsWith(text));
}

/** @throws `request-invalid` */
export function filterNetworks(query: URLSearchParams): readonly DockerNetwork[] {
  const filters = filtersOf(query, ['dangling', 'driver', 'id', 'label', 'name', 'scope', 'type']);
  const is = (name: string, fits: (value: string) => boolean): boolean => {
    const wanted = filters.get(name) ?? [];
    return wanted.length === 0 || wanted.some(fits);
  };
  const dangling = flagFilter(filters, 'dangling');
  return Object.values(NETWORKS).filter(
    ({ id, name, driver }) =>
      is('id', (text) => id.includes(text)) &&
      is('name', (text) => name.includes(text)) &&
      is('driver', (text) => driver === text) &&
      is('scope', (text) => text === 'local') &&
      is('type', (text) => text === 'builtin') &&
      dangling !== true &&
      hasLabels({}, filters.get('label')),
  );
}

/** @param containers those that run on it; absent in a list */
export function renderNetwork(network: DockerNetwork, containers: readonly ContainerRecord[] = []): object {
  return {
    Name: network.name,
    Id: network.id,
    Created: '1970-01-01T00:00:00Z',
    Scope: 'local',
    Driver: network.driver,
    EnableIPv4: network.name === 'bridge',
    EnableIPv6: false,
    IPAM: { Driver: 'default', Options: null, Config: [] },
    Internal: false,
    Attachable: false,
    Ingress: false,
    ConfigFrom: { Network: '' },
    ConfigOnly: false,
    Containers: Object.fromEntries(
      containers.map(({ name, called }) => [
        name,
        { Name: called, EndpointID: '', MacAddress: '', IPv4Address: '', IPv6Address: '' },
      ]),
    ),
    Options: {},
    Labels: {},
  };
}

/** `NetworkSettings.Networks`. The address is the guest's, once it has told it. */
export function renderEndpoints({ spec, reach }: ContainerRecord): object {
  const { name, id } = NETWORKS[spec.network];
  return {
    [name]: {
      IPAMConfig: null,
      Links: null,
      Aliases: null,
      MacAddress: '',
      DriverOpts: null,
      GwPriority: 0,
      NetworkID: id,
      EndpointID: '',
      Gateway: '',
      IPAddress: reach?.ip ?? '',
      IPPrefixLen: 0,
      IPv6Gateway: '',
      GlobalIPv6Address: '',
      GlobalIPv6PrefixLen: 0,
      DNSNames: null,
    },
  };
}
