import { isIP } from 'node:net';
import { z } from 'zod';
import { CONTAINER_KEYS, type ContainerReach, type ContainerRecord, type PortBinding } from '../../core/container.ts';
import type { Machine } from '../../core/ports/machines.ts';
import type { ContainerState } from '../../core/states.ts';

// Where a container is reached: its address, told by its guest, and the ports that its host forwards, told by whoever runs the machine.

const ports = z.array(
  z.object({
    containerPort: z.int(),
    protocol: z.enum(['tcp', 'udp', 'sctp']).default('tcp'),
    hostIp: z.string().default(''),
    hostPort: z.int().min(1).max(65_535),
  }),
);

/** In these a container's machine has power, or is to get it back where it is. */
const REACHED: readonly ContainerState[] = ['running', 'paused', 'stopping'];

export const isReached = (state: ContainerState): boolean => REACHED.includes(state);

/**
 * undefined: nothing was told. A guest can write into its own guestinfo: of the ports only those count that were asked for, and an address
 * must be one.
 */
export function reachOf(
  { extraConfig }: Pick<Machine, 'extraConfig'>,
  { spec }: Pick<ContainerRecord, 'spec'>,
): ContainerReach | undefined {
  const ip = extraConfig[CONTAINER_KEYS.ip] ?? '';
  const told = decode(extraConfig[CONTAINER_KEYS.ports]);
  const bound = told?.filter((port) => spec.ports.some((asked) => isOf(port, asked))) ?? [];
  const isTold = isIP(ip) !== 0 || told !== undefined;
  return isTold && spec.network !== 'none' ? { ...(isIP(ip) === 0 ? {} : { ip }), ports: bound } : undefined;
}

function isOf(bound: PortBinding, asked: PortBinding): boolean {
  return (
    bound.containerPort === asked.containerPort &&
    bound.protocol === asked.protocol &&
    (asked.hostIp === '' || bound.hostIp === asked.hostIp) &&
    (asked.hostPort === 0 || bound.hostPort === asked.hostPort)
  );
}

function decode(text: string | undefined): readonly PortBinding[] | undefined {
  if (text === undefined || text === '') return undefined;
  try {
    const read = ports.safeParse(JSON.parse(text));
    return read.success ? read.data : undefined;
  } catch {
    return undefined;
  }
}

/** The record with what its machine says; one that does not run is reached nowhere. */
export function withReach(record: ContainerRecord, machine: Pick<Machine, 'extraConfig'>): ContainerRecord {
  const { reach: _, ...rest } = record;
  const reach = isReached(record.state) ? reachOf(machine, record) : undefined;
  return reach === undefined ? rest : { ...rest, reach };
}
