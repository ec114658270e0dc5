import { json } from './answer.ts';
import type { Route } from './parts.ts';
import { filtersOf } from './query.ts';
import { refused } from './refused.ts';

// There are no containers yet. What asks for them is told so truthfully: an empty list, or that there is no such one.

const LIST_FILTERS = [
  'ancestor',
  'before',
  'expose',
  'exited',
  'health',
  'id',
  'isolation',
  'is-task',
  'label',
  'name',
  'network',
  'publish',
  'since',
  'status',
  'volume',
] as const;

export const containerRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: '/containers/json',
    role: 'viewer',
    support: { as: 'partial', missing: 'containers: the list is empty' },
    handler({ query }) {
      filtersOf(query, LIST_FILTERS);
      return json([]);
    },
  },
  {
    method: 'POST',
    path: '/containers/prune',
    since: 25,
    role: 'operator',
    support: { as: 'partial', missing: 'containers: nothing is removed' },
    handler({ query }) {
      filtersOf(query, ['label', 'label!', 'until']);
      return json({ ContainersDeleted: null, SpaceReclaimed: 0 });
    },
  },
  ...refused('POST /containers/create', {
    status: 501,
    text: 'containers are not supported yet: volumes and images are; attach a volume to a virtual machine with a volume.attach job',
  }),
  ...refused(
    `GET /containers/{name}/json
     GET /containers/{name}/top
     GET /containers/{name}/logs
     GET /containers/{name}/changes
     GET /containers/{name}/export
     GET /containers/{name}/stats
     GET /containers/{name}/attach/ws
     GET /containers/{name}/archive
     HEAD /containers/{name}/archive
     PUT /containers/{name}/archive
     POST /containers/{name}/resize
     POST /containers/{name}/start
     POST /containers/{name}/stop
     POST /containers/{name}/restart
     POST /containers/{name}/kill
     POST /containers/{name}/update
     POST /containers/{name}/rename
     POST /containers/{name}/pause
     POST /containers/{name}/unpause
     POST /containers/{name}/attach
     POST /containers/{name}/wait
     POST /containers/{name}/exec
     DELETE /containers/{name}`,
    { status: 404, text: 'No such container: {name}' },
  ),
  ...refused(
    `POST /exec/{id}/start
     POST /exec/{id}/resize
     GET /exec/{id}/json`,
    { status: 404, text: 'No such exec instance: {id}' },
  ),
];
