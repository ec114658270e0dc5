import type { AnyKind } from '../define.ts';
import { deadDiscard } from './discard.ts';
import { deadRedrive } from './redrive.ts';

/** All kinds that work through dead letters; the order is that of the documentation. */
export const DEAD_KINDS: readonly AnyKind[] = [deadRedrive, deadDiscard];
