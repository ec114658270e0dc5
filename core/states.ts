import { StowageError } from './errors.ts';

// One table a noun: from each state, the states that may follow. `transition` is the only way from one to the next.

export const VOLUME_STATES = {
  creating: ['available', 'failed', 'deleted'],
  available: ['attaching', 'expanding', 'deleting'],
  attaching: ['in-use', 'available', 'failed'],
  'in-use': ['attaching', 'detaching', 'expanding'],
  detaching: ['available', 'in-use', 'failed'],
  expanding: ['available', 'in-use', 'failed'],
  deleting: ['deleted', 'failed', 'available'],
  deleted: [],
  failed: ['creating', 'available', 'in-use', 'attaching', 'detaching', 'expanding', 'deleting'],
} as const satisfies Readonly<Record<string, readonly string[]>>;
export type VolumeState = keyof typeof VOLUME_STATES;

/** Of images and of their layers. Invisible until available; what is half made or half gone has a job that ends it. */
export const IMAGE_STATES = {
  pulling: ['available', 'deleting'],
  available: ['deleting'],
  deleting: ['deleted', 'available'],
  deleted: [],
} as const satisfies Readonly<Record<string, readonly string[]>>;
export type ImageState = keyof typeof IMAGE_STATES;
export type LayerState = ImageState;

/**
 * `running`, `paused` and `exited` are what its machine is. recovering: its host was lost; no exit is decided meanwhile. dead: it cannot
 * go on without a person, the record says why.
 */
export const CONTAINER_STATES = {
  creating: ['created', 'removing', 'dead'],
  created: ['starting', 'running', 'removing', 'dead'],
  starting: ['running', 'created', 'exited', 'recovering', 'removing', 'dead'],
  running: ['stopping', 'paused', 'exited', 'recovering', 'removing', 'dead'],
  paused: ['running', 'stopping', 'exited', 'recovering', 'removing', 'dead'],
  stopping: ['exited', 'running', 'paused', 'recovering', 'removing', 'dead'],
  exited: ['starting', 'running', 'removing', 'dead'],
  recovering: ['running', 'paused', 'exited', 'stopping', 'removing', 'dead'],
  removing: ['removed', 'created', 'exited', 'dead'],
  removed: [],
  dead: ['created', 'starting', 'running', 'paused', 'exited', 'recovering', 'stopping', 'removing'],
} as const satisfies Readonly<Record<string, readonly string[]>>;
export type ContainerState = keyof typeof CONTAINER_STATES;

/**
 * waiting: in its lines, or until `retryAt`. running: a worker holds its claim. dead: a dead letter, waits for a person.
 * failed: a dead letter that a person discarded. The last four are over.
 */
export const JOB_STATES = {
  waiting: ['running', 'cancelled', 'dead'],
  running: ['waiting', 'succeeded', 'dead', 'cancelled'],
  succeeded: [],
  dead: ['waiting', 'failed'],
  failed: [],
  cancelled: [],
} as const satisfies Readonly<Record<string, readonly string[]>>;
export type JobState = keyof typeof JOB_STATES;

export const TABLES = {
  volume: VOLUME_STATES,
  layer: IMAGE_STATES,
  image: IMAGE_STATES,
  container: CONTAINER_STATES,
  job: JOB_STATES,
} as const;

function mayFollow(table: Readonly<Record<string, readonly string[]>>, from: string, to: string): boolean {
  return table[from]?.includes(to) ?? false;
}

/** The state after `from`; to stay where one is is no transition and is allowed. */
export function transition<N extends keyof typeof TABLES>(
  noun: N,
  from: keyof (typeof TABLES)[N] & string,
  to: keyof (typeof TABLES)[N] & string,
): keyof (typeof TABLES)[N] & string {
  if (from === to || mayFollow(TABLES[noun], from, to)) return to;
  throw new StowageError('internal-error', `a ${noun} cannot go from ${from} to ${to}`);
}

/** Nothing more happens to the job by itself (a dead letter may still be redriven or discarded). */
export function isJobOver(state: JobState): boolean {
  return state !== 'waiting' && state !== 'running';
}
