import { json } from './answer.ts';
import type { Route } from './parts.ts';
import { filtersOf } from './query.ts';
import { refused } from './refused.ts';

// There are no networks of ours: vSphere's port groups come with containers.

const NO_SUCH = { status: 404, text: 'network {id} not found' };

export const networkRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: '/networks',
    role: 'viewer',
    support: { as: 'partial', missing: 'networks: the list is empty' },
    handler({ query }) {
      filtersOf(query, ['dangling', 'driver', 'id', 'label', 'name', 'scope', 'type']);
      return json([]);
    },
  },
  {
    method: 'POST',
    path: '/networks/prune',
    since: 25,
    role: 'operator',
    support: { as: 'partial', missing: 'networks: nothing is removed' },
    handler({ query }) {
      filtersOf(query, ['label', 'label!', 'until']);
      return json({ NetworksDeleted: null });
    },
  },
  ...refused('POST /networks/create', {
    status: 501,
    text: 'networks are not supported yet: they come with containers, on port groups of vSphere',
  }),
  ...refused(
    `GET /networks/{id}
     DELETE /networks/{id}
     POST /networks/{id}/connect
     POST /networks/{id}/disconnect`,
    NO_SUCH,
  ),
];
