import type { ContainerRecord } from '../../core/container.ts';

// A container's state in Docker's words. Docker has no words for the time between two states, nor for a lost host.

export type DockerState = 'created' | 'running' | 'paused' | 'restarting' | 'removing' | 'exited' | 'dead';

export function dockerState({ state, run }: ContainerRecord): DockerState {
  switch (state) {
    case 'creating':
    case 'created':
      return 'created';
    case 'starting':
      return run.restarts > 0 ? 'restarting' : 'created';
    case 'running':
    case 'stopping':
      return 'running';
    // It will run again, on another host.
    case 'recovering':
      return 'restarting';
    case 'paused':
      return 'paused';
    case 'exited':
      return 'exited';
    case 'removing':
    case 'removed':
      return 'removing';
    case 'dead':
      return 'dead';
  }
}

/** As dockerd's `State.Running`: also when it is paused, or being brought back. */
export function isAlive(record: ContainerRecord): boolean {
  const state = dockerState(record);
  return state === 'running' || state === 'paused' || state === 'restarting';
}

/** The column STATUS of `docker ps`, as moby's `State.String`. */
export function statusText(record: ContainerRecord, nowMs: number): string {
  const { startedAt, finishedAt, exitCode = 0 } = record.run;
  const ago = (time: string | undefined): string => humanDuration(nowMs - Date.parse(time ?? record.updatedAt));
  switch (dockerState(record)) {
    case 'created':
      return 'Created';
    case 'running':
      return `Up ${ago(startedAt)}`;
    case 'paused':
      return `Up ${ago(startedAt)} (Paused)`;
    case 'restarting':
      return `Restarting (${exitCode}) ${ago(record.updatedAt)} ago`;
    case 'removing':
      return 'Removal In Progress';
    case 'exited':
      return `Exited (${exitCode}) ${ago(finishedAt)} ago`;
    case 'dead':
      return 'Dead';
  }
}

const MINUTE_S = 60;
const HOUR_S = 3_600;
const DAY_H = 24;

/** docker/go-units HumanDuration. */
export function humanDuration(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1_000));
  if (seconds < 1) return 'Less than a second';
  if (seconds === 1) return '1 second';
  if (seconds < MINUTE_S) return `${seconds} seconds`;
  const minutes = Math.floor(seconds / MINUTE_S);
  if (minutes === 1) return 'About a minute';
  if (minutes < 60) return `${minutes} minutes`;
  const hours = Math.round(seconds / HOUR_S);
  if (hours === 1) return 'About an hour';
  if (hours < 2 * DAY_H) return `${hours} hours`;
  if (hours < 14 * DAY_H) return `${Math.floor(hours / DAY_H)} days`;
  if (hours < 60 * DAY_H) return `${Math.floor(hours / DAY_H / 7)} weeks`;
  if (hours < 730 * DAY_H) return `${Math.floor(hours / DAY_H / 30)} months`;
  return `${Math.floor(hours / DAY_H / 365)} years`;
}
