import { containerActionRoutes } from './container-actions.ts';
import { containerArchiveRoutes } from './container-archive.ts';
import { containerAttachRoutes } from './container-attach.ts';
import { containerCreateRoutes } from './container-create.ts';
import { containerListRoutes } from './container-list.ts';
import { containerLogRoutes } from './container-logs.ts';
import { containerProcessRoutes } from './container-processes.ts';
import { containerRemovalRoutes } from './container-removal.ts';
import { containerStatRoutes } from './container-stats.ts';
import { containerUpdateRoutes } from './container-update.ts';
import { containerWaitRoutes } from './container-wait.ts';
import { diskUsageRoutes } from './disk-usage.ts';
import { eventRoutes } from './events.ts';
import { execRoutes } from './execs.ts';
import { pullRoutes } from './image-pull.ts';
import { imageRoutes } from './images.ts';
import { networkRoutes } from './networks.ts';
import type { Route } from './parts.ts';
import { searchRoutes } from './search.ts';
import { systemRoutes } from './system.ts';
import { unsupportedRoutes } from './unsupported.ts';
import { volumeRoutes } from './volumes.ts';

/** Every endpoint there is, in the order in which they are tried. */
export const ROUTES: readonly Route[] = [
  ...systemRoutes,
  ...diskUsageRoutes,
  ...eventRoutes,
  ...volumeRoutes,
  ...pullRoutes,
  ...searchRoutes,
  ...imageRoutes,
  ...containerListRoutes,
  ...containerCreateRoutes,
  ...containerActionRoutes,
  ...containerUpdateRoutes,
  ...containerWaitRoutes,
  ...containerRemovalRoutes,
  ...containerAttachRoutes,
  ...containerLogRoutes,
  ...containerProcessRoutes,
  ...containerStatRoutes,
  ...containerArchiveRoutes,
  ...execRoutes,
  ...networkRoutes,
  ...unsupportedRoutes,
];
