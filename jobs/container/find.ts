import type { ContainerRecord } from '../../core/container.ts';
import { StowageError } from '../../core/errors.ts';
import { type ContainerId, parseContainerId, parseContainerName } from '../../core/ids.ts';
import type { RecordStore } from '../../core/ports/jobs.ts';
import { readAll } from '../read-all.ts';

const ID_PREFIX = /^[0-9a-f]{1,64}$/;

/** Only the whole id, or the whole name: reads two records at most. */
async function findExactly(records: RecordStore, text: string): Promise<ContainerRecord | undefined> {
  const id = parseContainerId(text);
  const byId = id === undefined ? undefined : await records.read('container', id);
  if (byId !== undefined) return byId.record;
  const name = parseContainerName(text.replace(/^\//, ''));
  const owner = name === undefined ? undefined : await records.read('container-name', name);
  return owner === undefined ? undefined : (await records.read('container', owner.record.container))?.record;
}

/**
 * The container that a person means: by its id, its name (Docker's leading slash is allowed), or the beginning of its id.
 *
 * @throws `container-not-found`; `request-invalid` when several ids begin so
 */
export async function findContainer(records: RecordStore, text: string): Promise<ContainerRecord> {
  const exact = await findExactly(records, text);
  if (exact !== undefined) return exact;
  const candidates = ID_PREFIX.test(text)
    ? (await readAll({ records }, 'container')).filter(({ record }) => record.name.startsWith(text))
    : [];
  const [found, ...others] = candidates;
  if (found === undefined) throw noSuchContainer(text);
  if (others.length > 0) throw new StowageError('request-invalid', `multiple IDs found with provided prefix: ${text}`);
  return found.record;
}

/** With dockerd's text. */
export function noSuchContainer(text: string): StowageError {
  return new StowageError('container-not-found', `No such container: ${text}`);
}

export function shortContainerId(id: ContainerId): string {
  return id.slice(0, 12);
}
