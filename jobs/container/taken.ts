import { StowageError } from '../../core/errors.ts';
import type { ContainerId } from '../../core/ids.ts';

/** With dockerd's text. */
export function nameTaken(name: string, owner: ContainerId): StowageError {
  return new StowageError(
    'container-exists',
    `Conflict. The container name "/${name}" is already in use by container "${owner}". You have to remove (or rename) that container to be able to reuse that name.`,
    { holder: owner },
  );
}
