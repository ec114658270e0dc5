import { isAlive } from './container-state.ts';
import { StowageError } from '../../core/errors.ts';
import { type Answer, json, refusal } from './answer.ts';
import { allRecords } from './listing.ts';
import { type DockerNetwork, filterNetworks, findNetwork, renderNetwork } from './network-view.ts';
import type { Call, DockerParts, Handler, Route } from './parts.ts';
import { filtersOf } from './query.ts';
import { refused } from './refused.ts';

/** @throws `route-unknown`, which is 404 with dockerd's text */
function find({ names }: Call): DockerNetwork {
  const text = names['id'] ?? '';
  const found = findNetwork(text);
  if (found === undefined) throw new StowageError('route-unknown', `network ${text} not found`);
  return found;
}

async function inspect(call: Call, { records }: DockerParts): Promise<Answer> {
  const network = find(call);
  const all = await allRecords(records, 'container');
  return json(
    renderNetwork(
      network,
      all.filter((each) => each.spec.network === network.name && isAlive(each)),
    ),
  );
}

const KEPT = 'a container keeps the network that it was made with: make it anew with --network bridge or none';

const reconnect: Handler = (call) => {
  find(call);
  return refusal(501, KEPT);
};

export const networkRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: '/networks',
    role: 'viewer',
    support: { as: 'partial', missing: 'networks beside `bridge`, which is the port group of containers, and `none`' },
    handler: ({ query }) => json(filterNetworks(query).map((network) => renderNetwork(network))),
  },
  {
    method: 'POST',
    path: '/networks/prune',
    since: 25,
    role: 'operator',
    support: { as: 'partial', missing: 'networks of users: nothing is removed' },
    handler({ query }) {
      filtersOf(query, ['label', 'label!', 'until']);
      return json({ NetworksDeleted: null });
    },
  },
  ...refused('POST /networks/create', {
    status: 501,
    text: 'networks are not supported yet: containers are on `bridge`, a port group of vSphere, or on `none`',
  }),
  {
    method: 'GET',
    path: '/networks/{id}',
    role: 'viewer',
    support: { as: 'partial', missing: 'addresses' },
    handler: inspect,
  },
  {
    method: 'DELETE',
    path: '/networks/{id}',
    role: 'operator',
    support: { as: 'refused', status: 403, text: '{id} is a pre-defined network and cannot be removed' },
    handler: (call) => refusal(403, `${find(call).name} is a pre-defined network and cannot be removed`),
  },
  ...(['connect', 'disconnect'] as const).map(
    (verb): Route => ({
      method: 'POST',
      path: `/networks/{id}/${verb}`,
      role: 'operator',
      support: { as: 'refused', status: 501, text: KEPT },
      handler: reconnect,
    }),
  ),
];
