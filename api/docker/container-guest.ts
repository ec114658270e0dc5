import type { ContainerRecord } from '../../core/container.ts';
import { StowageError } from '../../core/errors.ts';
import type { Guests } from '../../core/ports/guests.ts';
import { findShown } from './container-find.ts';
import { dockerState } from './container-state.ts';
import type { Call, DockerParts } from './parts.ts';

export interface Inside {
  readonly record: ContainerRecord;
  readonly guests: Guests;
}

/** What needs the inside of a container. @throws as `findShown`; `operation-unsupported` where no gateway is configured */
export async function findInside(call: Call, parts: DockerParts, what: string): Promise<Inside> {
  return { record: await findShown(call, parts), guests: guestsOf(parts, what) };
}

/** @throws `operation-unsupported` */
export function guestsOf({ guests }: DockerParts, what: string): Guests {
  if (guests !== undefined) return guests;
  throw new StowageError(
    'operation-unsupported',
    `${what} needs the gateway to containers, and none is configured: set STOWAGE_GATEWAY_KEY and start a gateway`,
  );
}

/** @param wish what a paused one must be unpaused before. @throws `container-busy` with dockerd's texts */
export function requireRunning(record: ContainerRecord, wish?: string): void {
  const refuse = (text: string): never => {
    throw new StowageError('container-busy', `container ${record.name} ${text}`);
  };
  switch (dockerState(record)) {
    case 'running':
      return;
    case 'paused':
      return refuse(`is paused, unpause the container${wish === undefined ? ' first' : ` before ${wish}`}`);
    case 'restarting':
      return refuse('is restarting, wait until the container is running');
    case 'created':
    case 'removing':
    case 'exited':
    case 'dead':
      return refuse('is not running');
  }
}
