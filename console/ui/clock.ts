import { signal } from '@preact/signals';

const TICK_MS = 1_000;

let timer: ReturnType<typeof setInterval> | undefined;

function tick(): void {
  if (!document.hidden) nowMs.value = Date.now();
}

/** The time by this browser's clock, for what is shown relative to it. Moves on every second while somebody looks. */
export const nowMs = signal(Date.now(), {
  watched: () => {
    nowMs.value = Date.now();
    timer = setInterval(tick, TICK_MS);
  },
  unwatched: () => clearInterval(timer),
});
