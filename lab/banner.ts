import type { Config } from '../platform/config.ts';
import type { Lab } from './data-centre.ts';
import type { ApiKey, Product } from './product.ts';
import { baseUrl } from './ready.ts';

export const HELP = `Usage: npm start [-- --help]     the whole product on this machine
       npm run lab [-- --help]   only what it stands on: Redis, a simulated vCenter and a registry with images

npm start installs what is missing, starts a private Redis, a simulated vCenter, a registry with a few images, the api and
the workers, and prints the addresses and an API key. With REDIS_URL or VCENTER_URL set it uses those instead of its own (with
VCENTER_URL it starts no registry). Ctrl-C stops all of it.

All settings are environment variables: see docs/configuration.md. The most useful here:

  STOWAGE_DATA_DIR              where everything is kept                     ~/.local/share/stowage
  STOWAGE_REST_LISTEN           where the HTTP API listens                   127.0.0.1:8080
  STOWAGE_DOCKER_LISTEN         where the Docker Engine API listens          127.0.0.1:2375
  STOWAGE_LAB_LISTEN            where the simulated vCenter listens          127.0.0.1:8989
  STOWAGE_LAB_REGISTRY_LISTEN   where the registry listens                   127.0.0.1:5000
  STOWAGE_LAB_GUESTS            whether containers run, in QEMU              on
  STOWAGE_API_KEY               the admin's API key                          generated
  STOWAGE_WORKERS               worker processes                             2

Copies with different STOWAGE_DATA_DIR and …_LISTEN run side by side.
`;

/** What \`npm start\` prints when everything is ready. */
export function productBanner(product: Product, lab: Lab, config: Config): string {
  const rest = baseUrl(product.rest);
  const dockerHost = baseUrl(product.docker).replace('http:', 'tcp:');
  const key = tokenForShell(product.apiKey);
  const rows: readonly (readonly [string, string])[] = [
    ['Console', `${rest}/console/`],
    ['REST API', rest],
    ['API docs', `${rest}/docs/`],
    ['Docker', dockerHost],
    ['Token', tokenForReader(product.apiKey)],
    ...(lab.controlUrl === undefined ? [] : [['Lab', lab.controlUrl] as const]),
    ['vCenter', lab.settings['VCENTER_URL'] ?? config.vcenter?.url ?? ''],
    ...(lab.registryUrl === undefined ? [] : [['Registry', lab.registryUrl] as const]),
    ['Workers', product.workers.map(baseUrl).join(' ')],
    ['Data', config.dataDir],
    ['Logs', product.logDir],
  ];
  return `
Stowage is ready.

${rows.map(([name, value]) => `  ${name.padEnd(10)}${value}`).join('\n')}

Try:
  export DOCKER_HOST=${dockerHost}${config.dockerTls === undefined ? '' : ' DOCKER_TLS_VERIFY=1'}
  docker volume create -o Capacity=10GB demo_vol && docker volume ls
  curl -sS -X POST ${rest}/v1/jobs -H 'Authorization: Bearer ${key}' -H 'Content-Type: application/json' \\
    -d '{"kind":"volume.create","payload":{"name":"other_vol","options":{"Capacity":"10GB"}}}'
  export STOWAGE_URL=${rest} STOWAGE_API_KEY=${key}
  bin/stowage volume list && bin/stowage doctor

Ctrl-C stops everything.
`.replaceAll(/'Authorization: Bearer (\$[^']*)'/g, '"Authorization: Bearer $1"');
}

/** What \`npm run lab\` prints: lines for a shell or an env file. */
export function labBanner(lab: Lab): string {
  const lines = Object.entries(lab.settings).map(([name, value]) => `${name}='${value}'`);
  const comments = [
    ...(lab.controlUrl === undefined ? [] : [`# lab control: ${lab.controlUrl}`]),
    ...(lab.registryUrl === undefined ? [] : [`# registry: ${lab.registryUrl}`]),
  ];
  return `${[...comments, ...lines].join('\n')}\n`;
}

function tokenForReader(apiKey: ApiKey): string {
  return apiKey.source === 'generated' ? `${apiKey.key}   (kept in ${apiKey.file})` : `the one in ${apiKey.source}`;
}

function tokenForShell(apiKey: ApiKey): string {
  if (apiKey.source === 'generated') return apiKey.key;
  return apiKey.source === 'STOWAGE_API_KEY' ? '$STOWAGE_API_KEY' : '$(cat "$STOWAGE_API_KEY_FILE")';
}
