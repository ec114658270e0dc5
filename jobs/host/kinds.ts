import type { AnyKind } from '../define.ts';
import { hostDrain, hostUndrain } from './drain.ts';
import { hostRecover } from './recover.ts';

/** All kinds of hosts; the order is that of the documentation. */
export const HOST_KINDS: readonly AnyKind[] = [hostRecover, hostDrain, hostUndrain];
