import type { ContainerRecord } from '../../core/container.ts';
import { findContainer, noSuchContainer } from '../../jobs/container/find.ts';
import type { Call, DockerParts } from './parts.ts';

/** A container that is still being made is not shown. */
export function isShown({ state }: ContainerRecord): boolean {
  return state !== 'creating';
}

/** The container that the call's path names. @throws `container-not-found` with dockerd's text; `request-invalid` when several ids begin so */
export async function findShown({ names }: Call, { records }: Pick<DockerParts, 'records'>): Promise<ContainerRecord> {
  const text = names['name'] ?? '';
  const record = await findContainer(records, text);
  if (!isShown(record)) throw noSuchContainer(text);
  return record;
}
