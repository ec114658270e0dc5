import type { AnyKind } from './define.ts';
import { CONTAINER_KINDS } from './container/kinds.ts';
import { DEAD_KINDS } from './dead/kinds.ts';
import { doctorRun } from './doctor/run.ts';
import { HOST_KINDS } from './host/kinds.ts';
import { IMAGE_KINDS } from './image/kinds.ts';
import { reconcileRun } from './reconcile/run.ts';
import { VOLUME_KINDS } from './volume/kinds.ts';

/** Every kind there is; the order is that of the documentation. */
export const ALL_KINDS: readonly AnyKind[] = [
  ...VOLUME_KINDS,
  ...IMAGE_KINDS,
  ...CONTAINER_KINDS,
  ...HOST_KINDS,
  reconcileRun,
  ...DEAD_KINDS,
  doctorRun,
];
