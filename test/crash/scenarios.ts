import { CONTAINER_SCENARIOS } from './container-scenarios.ts';
import { DEAD_SCENARIOS } from './dead-scenarios.ts';
import { IMAGE_SCENARIOS } from './image-scenarios.ts';
import { RECONCILE_SCENARIOS } from './reconcile-scenarios.ts';
import { RECOVERY_SCENARIOS } from './recovery-scenarios.ts';
import type { Scenario } from './scenario.ts';
import { VOLUME_SCENARIOS } from './volume-scenarios.ts';

/** By kind. Every kind of the catalogue has to be here. */
export const SCENARIOS: Readonly<Record<string, readonly Scenario[]>> = {
  ...VOLUME_SCENARIOS,
  ...IMAGE_SCENARIOS,
  ...CONTAINER_SCENARIOS,
  ...RECOVERY_SCENARIOS,
  ...RECONCILE_SCENARIOS,
  ...DEAD_SCENARIOS,
};
