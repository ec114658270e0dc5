import { adviceOf } from '../../core/errors.ts';
import type { GatewayFinding } from '../../core/ports/guests.ts';
import type { RegistryFinding } from '../../core/ports/registry.ts';
import { partsOf } from '../../core/reference.ts';
import type { StepContext } from '../define.ts';
import { readAll } from '../read-all.ts';
import { type Check, examine, failed, ok, skipped, warning } from './checks.ts';

// Registries and gateways, as this worker reaches them.

type Context = Pick<StepContext<unknown, unknown>, 'images' | 'guests' | 'records' | 'world' | 'signal'>;

export async function examineRegistries(context: Context): Promise<readonly Check[]> {
  const { images, world, signal } = context;
  if (world.imageStore === undefined) return [skipped('registry', 'this installation takes no images')];
  return await examine('registry', signal, async (soon) =>
    judgeRegistries(await images.registry.examine(await registriesInUse(context), soon)),
  );
}

/** From which the images that are there came. */
async function registriesInUse(context: Context): Promise<readonly string[]> {
  const images = await readAll(context, 'image');
  const references = images.flatMap(({ record }) => record.names.map(({ reference }) => partsOf(reference)));
  return [...new Set(references.map(({ registry }) => registry))];
}

export function judgeRegistries(findings: readonly RegistryFinding[]): readonly Check[] {
  return findings.map(({ registry, endpoint, isMirror, isNamed, fault }) => {
    const name = `registry.${endpoint}`;
    const what = isMirror ? `${endpoint}, the mirror of ${registry},` : endpoint;
    if (fault === undefined) return ok(name, `${what} answers`);
    const message = `${what} cannot be used from here: ${fault.message}`;
    const advice = adviceOf(fault.code);
    // Pulls pass over what is down as long as one of them answers; and a registry that nothing names may never be wanted.
    const isMinor = !isNamed || findings.some((each) => each.registry === registry && each.fault === undefined);
    return isMinor ? warning(name, message, advice) : failed(name, message, advice);
  });
}

export async function examineGateways({ guests, signal }: Context): Promise<readonly Check[]> {
  if (guests === undefined)
    return [skipped('gateway', 'no gateway is configured: containers are machines without an agent')];
  return await examine('gateway', signal, async (soon) => judgeGateways(await guests.gateways(soon)));
}

export function judgeGateways(findings: readonly GatewayFinding[]): readonly Check[] {
  if (findings.length === 0) {
    return [
      failed(
        'gateway',
        'no gateway has been heard of lately',
        'Start one, with the same REDIS_URL and STOWAGE_GATEWAY_KEY.',
      ),
    ];
  }
  return findings.map(({ url, fault }) => {
    const { host } = new URL(url);
    const name = `gateway.${host}`;
    if (fault === undefined) return ok(name, `the gateway at ${host} answers`);
    return failed(
      name,
      `the gateway at ${host} is of no use: ${fault.message}`,
      'See its log, and the way to it from the workers and the api.',
    );
  });
}
