import type { AnyKind } from '../define.ts';
import { containerAgain } from './again.ts';
import { containerCreate } from './create.ts';
import { containerRemove } from './remove.ts';
import { containerKill } from './kill.ts';
import { containerPause, containerUnpause } from './pause.ts';
import { containerRecover } from './recover.ts';
import { containerRename } from './rename.ts';
import { containerRestart } from './restart.ts';
import { containerStart } from './start.ts';
import { containerStop } from './stop.ts';
import { containerSync } from './sync.ts';
import { containerUpdate } from './update.ts';
import { containerVisit } from './visit.ts';

/** All kinds of containers; the order is that of the documentation. */
export const CONTAINER_KINDS: readonly AnyKind[] = [
  containerCreate,
  containerStart,
  containerStop,
  containerKill,
  containerRestart,
  containerPause,
  containerUnpause,
  containerRename,
  containerUpdate,
  containerRemove,
  containerSync,
  containerAgain,
  containerVisit,
  containerRecover,
];
