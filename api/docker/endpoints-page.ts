import { type Option, OPTIONS } from './container-options.ts';
import type { Route, Support } from './parts.ts';
import { ROUTES } from './routes.ts';

const HEAD = `# The Docker Engine API

Point the unmodified \`docker\` CLI at Stowage, and it manages containers, volumes and images on vSphere:

\`\`\`
export DOCKER_HOST=tcp://127.0.0.1:2375
docker volume create -o Capacity=10GB demo_vol
docker run -d --name demo -v demo_vol:/data busybox sleep 2d
docker ps
\`\`\`

API 1.50 is spoken; clients of 1.24 and later are served, also those that name no version. Every change is a job, as with the
REST API: the call returns when the job is over, and a client that goes away cancels nothing.

## Who may call

On an address of this machine alone (\`STOWAGE_DOCKER_LISTEN=127.0.0.1:2375\`, the default) the API is plain HTTP, and whoever is on
this machine is an admin; requests that come from web pages are refused. Any other address needs TLS, as \`docker --tlsverify\` does it:
\`STOWAGE_DOCKER_CERT_FILE\` and \`STOWAGE_DOCKER_KEY_FILE\` for the server, \`STOWAGE_DOCKER_CA_FILE\` for the authority of the clients.
What a client may do follows from the subject CN of its certificate, by \`STOWAGE_DOCKER_ROLES\`:

\`\`\`
STOWAGE_DOCKER_LISTEN=0.0.0.0:2376
STOWAGE_DOCKER_ROLES='alice=admin; ci-*=operator; *=viewer'
docker --tlsverify -H tcp://stowage.example:2376 volume ls
\`\`\`

A *viewer* reads, also the logs and files of containers; an *operator* also creates, pulls and removes, attaches and runs commands.

## Options of \`docker volume create -o\`

\`VolumeStore\`, \`Capacity\` or \`size\`, \`diskformat\`, \`access\`, \`fstype\` and \`clone-from\`; see \`volume.create\` in [api.md](api.md). An option
that is not known is refused. The driver is \`vsphere\`; \`local\`, which the CLI sends when none is named, means the same.

## Options of \`docker run\` and \`docker create\`

A container is a virtual machine of its own. Its image, name, command, environment, user, labels, volumes (\`-v NAME:/path\`, \`--mount
type=volume\`, \`--volumes-from\`, anonymous ones), memory, CPUs, restart policy and network (\`bridge\` or \`none\`) are what was asked for.
Directories of a host (\`-v /dir:/path\`) are refused: use a volume, on an nfs store where several containers write. Of the other options:
*later* is kept, shown, and not applied yet; *discarded* is left out, as dockerd does where a kernel cannot do it; both are warned of.
*refused* makes no container.

OPTIONS_TABLE
## Differences from dockerd

- Volumes: the scope is \`global\`. \`Mountpoint\` is the path of the disk on its datastore. \`Options\` are those that would make the volume
  again, also when they were not given. \`Status\` (of \`docker volume inspect\`) has its state, capacity, datastore, holders and containers.
- Creating a volume that exists with other options or labels is a conflict that names the difference; dockerd returns the old one.
- "In use" names the virtual machine that holds the volume. Sizes (\`system df\`, prune) are capacities.
- A volume that is still being made is not shown.
- Images: the storage driver is \`vsphere\`, an image is what was pulled for one platform, and sizes are of regular files. The manifest of an
  index is not kept: \`--tree\` shows the one platform that is there.
- \`docker pull\`: an upload to the datastore counts as extracting. A second pull of one name joins the first, or waits for it when it brings credentials.
- A container runs when its machine is powered on. What needs the inside of it (\`attach\`, \`run\` without \`-d\`, \`exec\`, \`logs\`, \`cp\`, \`top\`, \`stats\`,
  \`diff\`, \`export\`) goes through a gateway to the agent in its machine, and is refused where none is configured (\`STOWAGE_GATEWAY_KEY\`). Files of a
  container can be reached while it runs. An \`exec\` goes on when its client leaves; its record is kept for an hour after its end.
- Who attaches to a container that does not run yet waits for its next run, with all its input and output. A client that reads slowly holds the process
  up. The attachment ends with the run, and when the container cannot be started or is removed.
- \`docker pause\` suspends the machine. Memory and CPUs can be changed while a container is stopped, the restart policy at any time.
- A container whose host was lost is \`Restarting\` until it runs again on another. \`docker inspect\` has a member \`Stowage\` with its state,
  machine and host. A container that is still being made is not shown.
- An image that a container has, running or not, cannot be removed by force either: its layers are disks of the machine. With \`-f\` its name goes.
- \`docker events\` has events of containers, volumes and images; of mounts it names the machine instead of a container. A container
  that was recovered from a host that was lost has a \`start\`, and no \`die\` before it: nobody saw its process end.
- \`docker info\` shows the data centre as one engine: CPUs and memory of all hosts that can be used, volume stores and their space.
- Kept in memory only: credentials of \`docker login\` pass through to the registry and, with a pull, to the worker that needs them.

## Every endpoint

This page is generated from \`api/docker\` by \`npm run docs\`.

| endpoint | support | |
|---|---|---|
`;

/** docs/docker.md. */
export function renderEndpointsPage(routes: readonly Route[] = ROUTES): string {
  const rows = routes.map(({ method, path, since, support }) => {
    const name = `\`${method} ${path.replaceAll(':.*', '')}\``;
    return `| ${name}${since === undefined ? '' : ` (1.${since})`} | ${wordsOf(support)} |`;
  });
  return `${HEAD.replace('OPTIONS_TABLE', renderOptions(OPTIONS))}${rows.sort(byPath).join('\n')}\n`;
}

function renderOptions(options: readonly Option[]): string {
  const rows = options.map(({ flags, fate, text }) => `| \`${flags}\` | ${fate} | ${text ?? ''} |\n`);
  return `| option | | |\n|---|---|---|\n${rows.join('')}`;
}

function wordsOf(support: Support): string {
  switch (support.as) {
    case 'supported':
      return 'supported |';
    case 'partial':
      return `partial | missing: ${support.missing}`;
    case 'refused':
      return `refused: ${support.status} | ${support.text.replaceAll('|', String.raw`\|`)}`;
  }
}

/** By what it is about: the path before the method. */
function byPath(a: string, b: string): number {
  const [x, y] = [a.replace(/^\| `\w+ /, ''), b.replace(/^\| `\w+ /, '')];
  return x < y ? -1 : x > y ? 1 : 0;
}
