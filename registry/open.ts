import { join } from 'node:path';
import type { LayerMaker, Registry } from '../core/ports/registry.ts';
import type { Clock, RandomBytes } from '../platform/clock.ts';
import type { Config } from '../platform/config.ts';
import type { Logger } from '../platform/log.ts';
import { openRegistry } from './client.ts';
import { openLayerMaker } from './layer-maker.ts';
import type { RegistryTuning } from './tuning.ts';

/** What a worker pulls images through. The spool directory is made; nothing else is touched before the first pull. */
export async function openImagePorts(options: {
  readonly config: Pick<Config, 'images' | 'registries'>;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly random: RandomBytes;
  readonly tuning?: Partial<RegistryTuning>;
}): Promise<{ readonly registry: Registry; readonly layers: LayerMaker }> {
  const { config, environment, ...rest } = options;
  const registry = openRegistry({ ...rest, config: config.registries, environment });
  const layerdisk = config.images.layerdisk ?? join(import.meta.dirname, '..', 'bin', 'layerdisk');
  return { registry, layers: await openLayerMaker({ ...rest, registry, config: config.images, layerdisk }) };
}
