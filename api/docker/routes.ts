import type { Route } from './parts.ts';
import { systemRoutes } from './system.ts';
import { volumeRoutes } from './volumes.ts';

/** Every endpoint there is, in the order in which they are tried. */
export const ROUTES: readonly Route[] = [...systemRoutes, ...volumeRoutes];
