import type { ContainerRecord, PortBinding } from '../../core/container.ts';
import { StowageError } from '../../core/errors.ts';
import type { HostConfigBody } from './container-body.ts';
import { engineConfig } from './container-engine.ts';

// `80/tcp` and its bindings, in the three shapes that Docker has for them.

type Bindings = NonNullable<HostConfigBody['PortBindings']>;

/**
 * @param alsoAll what `--publish-all` adds: what is exposed and not named, each at any port of the host
 * @throws `request-invalid`, `operation-unsupported`
 */
export function readPorts(bindings: Bindings, alsoAll: object = {}): readonly PortBinding[] {
  return [...namedPorts(bindings), ...namedPorts(withoutKeys(alsoAll, bindings))];
}

/** `80` is `80/tcp`. */
function withoutKeys(exposed: object, named: Bindings): Bindings {
  const taken = new Set(Object.keys(named).map((key) => keyOfText(key)));
  return Object.fromEntries(
    Object.keys(exposed)
      .filter((key) => !taken.has(keyOfText(key)))
      .map((key) => [key, null]),
  );
}

const keyOfText = (key: string): string => (key.includes('/') ? key : `${key}/tcp`);

function namedPorts(bindings: Bindings): readonly PortBinding[] {
  return Object.entries(bindings).flatMap(([key, hosts]) => {
    const { port, protocol } = portOf(key);
    return (hosts ?? [{}]).map(({ HostIp, HostPort }) => ({
      containerPort: port,
      protocol,
      hostIp: HostIp ?? '',
      hostPort: hostPortOf(key, HostPort ?? ''),
    }));
  });
}

function portOf(key: string): { readonly port: number; readonly protocol: PortBinding['protocol'] } {
  const match = /^(\d{1,5})(?:\/(tcp|udp|sctp))?$/.exec(key);
  const port = Number(match?.[1] ?? 0);
  if (port < 1 || port > 65_535) throw new StowageError('request-invalid', `invalid port specification: "${key}"`);
  return { port, protocol: (match?.[2] ?? 'tcp') as PortBinding['protocol'] };
}

function hostPortOf(key: string, text: string): number {
  if (text === '') return 0;
  if (/^\d{1,5}-\d{1,5}$/.test(text))
    throw new StowageError(
      'operation-unsupported',
      `--publish ${text}:${key}: any one of a range of ports is not supported: name one`,
    );
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isNaN(port) || port > 65_535) throw new StowageError('request-invalid', `invalid port: "${text}"`);
  return port;
}

/** All that the container, or its image, says it listens on: `80/tcp`. */
export function exposedPorts({ spec }: ContainerRecord): readonly string[] {
  const exposed = engineConfig(spec)['ExposedPorts'];
  const named = typeof exposed === 'object' && exposed !== null ? Object.keys(exposed) : [];
  return [...new Set([...named, ...spec.ports.map(keyOf)])].sort(byNumber);
}

const keyOf = ({ containerPort, protocol }: PortBinding): string => `${containerPort}/${protocol}`;

function byNumber(a: string, b: string): number {
  return Number.parseInt(a, 10) - Number.parseInt(b, 10) || (a < b ? -1 : 1);
}

const hostIpOf = ({ hostIp }: PortBinding): string => (hostIp === '' ? '0.0.0.0' : hostIp);

/** What is forwarded, as its machine told it; where it told nothing, what was asked for by its number. */
export function boundPorts({ spec, reach }: ContainerRecord): readonly PortBinding[] {
  return reach?.ports ?? (spec.network === 'none' ? [] : spec.ports.filter(({ hostPort }) => hostPort !== 0));
}

function boundOf(record: ContainerRecord, key: string): readonly PortBinding[] {
  return boundPorts(record).filter((port) => keyOf(port) === key);
}

/** `HostConfig.PortBindings`, as it was asked for. */
export function renderBindings({ spec }: ContainerRecord): object {
  const byKey = new Map<string, object[]>();
  for (const port of spec.ports) {
    const binding = { HostIp: port.hostIp, HostPort: port.hostPort === 0 ? '' : String(port.hostPort) };
    byKey.set(keyOf(port), [...(byKey.get(keyOf(port)) ?? []), binding]);
  }
  return Object.fromEntries(byKey);
}

/** `NetworkSettings.Ports` of a container that runs. */
export function renderNetworkPorts(record: ContainerRecord): object {
  return Object.fromEntries(
    exposedPorts(record).map((key) => {
      const bound = boundOf(record, key).map((port) => ({ HostIp: hostIpOf(port), HostPort: String(port.hostPort) }));
      return [key, bound.length === 0 ? null : bound];
    }),
  );
}

/** `Ports` of a row of `docker ps`, of a container that runs. */
export function renderPorts(record: ContainerRecord): readonly object[] {
  return exposedPorts(record).flatMap((key) => {
    const [port = '', type = 'tcp'] = key.split('/');
    const row = { PrivatePort: Number(port), Type: type };
    const bound = boundOf(record, key);
    return bound.length === 0
      ? [row]
      : bound.map((each) => ({ IP: hostIpOf(each), PublicPort: each.hostPort, ...row }));
  });
}
