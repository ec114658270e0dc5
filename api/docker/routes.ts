import { containerRoutes } from './containers.ts';
import { diskUsageRoutes } from './disk-usage.ts';
import { eventRoutes } from './events.ts';
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
  ...containerRoutes,
  ...networkRoutes,
  ...unsupportedRoutes,
];
