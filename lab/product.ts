import { join } from 'node:path';
import { randomBytes } from '../platform/clock.ts';
import type { ListenAddress } from '../platform/listen.ts';
import type { Child } from './child.ts';
import type { Lab, LabSettings } from './data-centre.ts';
import { planGateway } from './gateway.ts';
import { buildGo } from './go.ts';
import { WORKER_FLAGS } from './node-process.ts';
import { claimPort } from './ports.ts';
import { keepSecret } from './secret-file.ts';
import { listenOfWorker, listenVariable, serviceEnv, startService } from './services.ts';

/** The API key that callers are to use: as it was given, or the one generated for this data directory. */
export type ApiKey =
  | { readonly source: 'STOWAGE_API_KEY' | 'STOWAGE_API_KEY_FILE' }
  | { readonly source: 'generated'; readonly file: string; readonly key: string };

export interface Product {
  readonly rest: ListenAddress;
  readonly docker: ListenAddress;
  readonly workers: readonly ListenAddress[];
  readonly apiKey: ApiKey;
  readonly logDir: string;
}

const STOP_DEADLINE_MS = 45_000;

/** Starts the api and the workers on what the lab brought up and the configuration names. */
export async function startProduct(settings: LabSettings, lab: Lab): Promise<Product> {
  const { config, env, root, logger, closing } = settings;
  const rest = await claimPort(config.restListen, 'STOWAGE_REST_LISTEN');
  const docker = await claimPort(config.dockerListen, 'STOWAGE_DOCKER_LISTEN');
  const apiKey = apiKeyOf(settings);
  const logDir = join(config.dataDir, 'logs');
  const layerdisk =
    config.images.layerdisk ?? (await buildGo({ root, module: 'registry/layerdisk', program: '.', env, logger }));
  const mover = config.images.mover ?? (await buildGo({ root, module: 'vsphere/mover', program: '.', env, logger }));
  const gateway = await planGateway(settings, lab);
  const common = {
    ...lab.settings,
    ...gateway?.settings,
    STOWAGE_LAYERDISK: layerdisk,
    STOWAGE_MOVER: mover,
    STOWAGE_DATA_DIR: config.dataDir,
    ...listenVariable('STOWAGE_REST_LISTEN', rest),
    ...(apiKey.source === 'generated' ? { STOWAGE_API_KEY_FILE: apiKey.file } : {}),
  };
  const workers: ListenAddress[] = [];
  const first = env['STOWAGE_WORKER_LISTEN'] ? config.workerListen : { host: '127.0.0.1', port: 0 };
  for (let index = 0; index < config.workers; index += 1) {
    workers.push(await claimPort(listenOfWorker(first, index), 'STOWAGE_WORKER_LISTEN'));
  }
  const start = (name: string, program: string, listen: ListenAddress, own: Readonly<Record<string, string>>) =>
    startService({
      name,
      program,
      flags: program === 'workers/main.ts' ? WORKER_FLAGS : [],
      root,
      dir: logDir,
      listen,
      env: serviceEnv(env, { ...common, ...own }),
      logger,
      signal: closing.signal,
    });
  const starting = [
    ...(gateway === undefined ? [] : [start('gateway', 'gateway/main.ts', gateway.face, {})]),
    start('api', 'api/main.ts', rest, listenVariable('STOWAGE_DOCKER_LISTEN', docker)),
    ...workers.map((listen, index) =>
      start(`worker-${index + 1}`, 'workers/main.ts', listen, listenVariable('STOWAGE_WORKER_LISTEN', listen)),
    ),
  ];
  closing.add('product', () => stopAll(starting), STOP_DEADLINE_MS);
  await Promise.all(starting);
  return { rest, docker, workers, apiKey, logDir };
}

async function stopAll(starting: readonly Promise<Child>[]): Promise<void> {
  const started = await Promise.allSettled(starting);
  const running = started.filter((each) => each.status === 'fulfilled');
  await Promise.all(running.map((each) => each.value.stop()));
}

function apiKeyOf({ config, env }: LabSettings): ApiKey {
  if (config.apiKey !== undefined)
    return { source: env['STOWAGE_API_KEY'] ? 'STOWAGE_API_KEY' : 'STOWAGE_API_KEY_FILE' };
  const file = join(config.dataDir, 'api-key');
  return { source: 'generated', file, key: keepSecret(file, randomBytes) };
}
