import { json } from './answer.ts';
import type { Route } from './parts.ts';
import { refused } from './refused.ts';

// What Stowage does not do: each answers at once, with the status that clients expect and a sentence that names the alternative.

const BUILD =
  'building images is not supported: build elsewhere (docker build, buildah, kaniko), push to a registry, then `docker pull` it';
const LOAD =
  'loading images from an archive is not supported: push them to a registry (skopeo copy), then `docker pull`';
const SAVE = 'saving images to an archive is not supported: copy them from their registry, e.g. with skopeo copy';
const PUSH = 'pushing images is not supported: images here come from registries; copy between those with skopeo copy';
const SWARM =
  'This node is not a swarm manager. Stowage has no Swarm: vSphere places containers and restarts them, see vSphere HA and DRS';
const PLUGINS = 'plugins are not supported: the volume driver `vsphere` is built in';

const buildRoutes: readonly Route[] = [
  ...refused('POST /build', { status: 501, text: BUILD }),
  {
    method: 'POST',
    path: '/build/prune',
    since: 31,
    role: 'operator',
    support: { as: 'partial', missing: 'a build cache: nothing is removed' },
    handler: () => json({ CachesDeleted: null, SpaceReclaimed: 0 }),
  },
  ...refused('POST /commit', {
    status: 501,
    text: 'committing a container to an image is not supported: build the image elsewhere, push it, then `docker pull` it',
  }),
  ...refused(
    `POST /session
     POST /grpc`,
    { status: 501, text: BUILD },
  ),
];

const archiveRoutes: readonly Route[] = [
  ...refused('POST /images/load', { status: 501, text: LOAD }),
  ...refused(
    `GET /images/get
     GET /images/{name:.*}/get`,
    { status: 501, text: SAVE },
  ),
  ...refused('POST /images/{name:.*}/push', { status: 501, text: PUSH }),
];

const swarmRoutes: readonly Route[] = refused(
  `GET /swarm
   POST /swarm/init
   POST /swarm/join
   POST /swarm/leave
   POST /swarm/update
   GET /swarm/unlockkey
   POST /swarm/unlock
   GET /nodes
   GET /nodes/{id}
   DELETE /nodes/{id}
   POST /nodes/{id}/update
   GET /services
   POST /services/create
   GET /services/{id}
   DELETE /services/{id}
   POST /services/{id}/update
   GET /services/{id}/logs
   GET /tasks
   GET /tasks/{id}
   GET /tasks/{id}/logs
   GET /secrets
   POST /secrets/create
   GET /secrets/{id}
   DELETE /secrets/{id}
   POST /secrets/{id}/update
   GET /configs
   POST /configs/create
   GET /configs/{id}
   DELETE /configs/{id}
   POST /configs/{id}/update
   PUT /volumes/{name}`,
  { status: 503, text: SWARM },
);

const pluginRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: '/plugins',
    role: 'viewer',
    support: { as: 'partial', missing: 'plugins: the list is empty' },
    handler: () => json([]),
  },
  ...refused(
    `GET /plugins/privileges
     POST /plugins/pull
     POST /plugins/create`,
    { status: 501, text: PLUGINS },
  ),
  ...refused(
    `GET /plugins/{name:.*}/json
     DELETE /plugins/{name:.*}
     POST /plugins/{name:.*}/enable
     POST /plugins/{name:.*}/disable
     POST /plugins/{name:.*}/upgrade
     POST /plugins/{name:.*}/push
     POST /plugins/{name:.*}/set`,
    { status: 404, text: 'plugin "{name}" not found' },
  ),
];

export const unsupportedRoutes: readonly Route[] = [...buildRoutes, ...archiveRoutes, ...swarmRoutes, ...pluginRoutes];
