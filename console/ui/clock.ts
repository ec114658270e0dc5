import { signal } from '@preact/signals';

const TICK_MS = 1_000;

/** The time by this browser's clock, for what is shown relative to it. Moves on every second while the page shows. */
export const nowMs = signal(Date.now());

setInterval(() => {
  if (!document.hidden) nowMs.value = Date.now();
}, TICK_MS);
