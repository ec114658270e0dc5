import { asStowageError } from '../core/errors.ts';
import type { RegistryFinding } from '../core/ports/registry.ts';
import { DEFAULT_REGISTRY } from '../core/reference.ts';
import type { RegistryConfig } from '../platform/config.ts';
import type { Authorizer } from './authorizer.ts';
import type { Endpoint } from './endpoint.ts';

// Whether registries can be reached from here, each endpoint apart: a mirror that is down is passed over by pulls, and nobody notices.

interface Named {
  readonly registry: string;
  readonly isNamed: boolean;
}

/** Those, the mirrored ones, and the allowed ones that are no patterns; where nothing is named, Docker Hub, from which pulls come by default. */
export function namedRegistries({ mirrors, allowed }: RegistryConfig, inUse: readonly string[]): readonly Named[] {
  const exact = allowed.filter((name) => !name.includes('*'));
  const names = [...new Set([...inUse, ...mirrors.keys(), ...exact])];
  if (names.length === 0) return [{ registry: DEFAULT_REGISTRY, isNamed: false }];
  return names.map((registry) => ({ registry, isNamed: true }));
}

export async function examineRegistries(
  parts: {
    readonly authorizer: Pick<Authorizer, 'challengesOf'>;
    /** @throws `registry-not-allowed` */
    readonly endpoints: (registry: string) => readonly Endpoint[];
  },
  named: readonly Named[],
  signal: AbortSignal,
): Promise<readonly RegistryFinding[]> {
  const found = await Promise.all(named.map((each) => examineOne(parts, each, signal)));
  signal.throwIfAborted();
  return found.flat();
}

async function examineOne(
  { authorizer, endpoints }: Parameters<typeof examineRegistries>[0],
  { registry, isNamed }: Named,
  signal: AbortSignal,
): Promise<readonly RegistryFinding[]> {
  const about = { registry, isNamed };
  let all: readonly Endpoint[];
  try {
    all = endpoints(registry);
  } catch (error) {
    return [{ ...about, endpoint: registry, isMirror: false, fault: asStowageError(error).facts }];
  }
  return await Promise.all(
    all.map(async (endpoint) => {
      const here = { ...about, endpoint: endpoint.name, isMirror: endpoint.isMirror };
      const call = { endpoint, credentials: undefined, signal, purpose: 'login', target: '', scope: '' } as const;
      try {
        await authorizer.challengesOf({ ...call, subject: endpoint.name });
        return here;
      } catch (error) {
        return { ...here, fault: asStowageError(error).facts };
      }
    }),
  );
}
