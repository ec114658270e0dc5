import type { JsonObject } from './job.ts';

/** Every type of event. The name is stable: webhooks and scripts filter by it. */
export const EVENT_TYPES = {
  'job.submitted': 'A job was accepted.',
  'job.started': 'A worker took the claim and began an attempt.',
  'job.awaiting':
    'The job waits for other jobs that it submitted, and goes on when they are over, or one of them has failed.',
  'job.retrying': 'An attempt failed; another follows at `retryAt`.',
  'job.succeeded': 'The job reached its end.',
  'job.dead': 'The job failed for good and waits for a person.',
  'job.cancelled': 'Somebody cancelled the job; what it had begun was undone.',
  'job.redriven': 'A dead letter was put back into its lines.',
  'job.discarded': 'A dead letter was given up.',
  'job.displaced': 'A recovery job took the front of the line; this job waits and runs again.',
  'volume.created': 'A volume is there and can be attached.',
  'volume.attached': 'A machine holds the volume.',
  'volume.detached': 'A machine let the volume go.',
  'volume.expanded': 'A volume has more capacity.',
  'volume.removed': 'A volume and its data are gone.',
  'volume.failed': 'A job left the volume half way; the dead letter says where.',
  'volume.adopted': 'Reconcile rebuilt the record of a volume from its document.',
  'volume.moved': 'The disk was found at another path, by its uuid.',
  'volume.flagged': 'Reconcile found something amiss twice; nothing was deleted.',
  'volume.unflagged': 'What was amiss is in order again.',
  'layer.pulled': 'A layer was fetched and lies on the image datastore as a disk.',
  'layer.removed': 'A layer went with the last image that had it.',
  'image.pulled': 'An image was pulled (again); `name` is what was asked for.',
  'image.tagged': 'An image got a name.',
  'image.untagged': 'An image lost a name.',
  'image.removed': 'An image is gone.',
  'image.adopted': 'Reconcile rebuilt the record of an image from its document.',
  'image.flagged': 'Reconcile found something amiss with an image twice; nothing was deleted.',
  'image.unflagged': 'What was amiss is in order again.',
  'container.created': 'A container is there; its machine is made and off.',
  'container.started': 'A container runs: its machine is powered on.',
  'container.died': 'A container stopped; `exitCode` says how, `reason` why.',
  'container.paused': 'The machine of a container is suspended.',
  'container.unpaused': 'The machine of a container runs on.',
  'container.killed': 'Somebody sent a signal to a container.',
  'container.exec-created': 'Another command is to be run in a container; `exec` is its id.',
  'container.exec-started': 'Another command was started in a container.',
  'container.exec-died': 'A command in a container ended, or could not be started; `exitCode` says how.',
  'container.renamed': 'A container has another name; `was` is the old one.',
  'container.updated': 'Memory, CPUs or the restart policy of a container changed.',
  'container.removed': 'A container and what it wrote are gone.',
  'container.failed': 'A job left the container half way, or it cannot go on; the message says why.',
  'container.moved': 'The machine of a container runs on another host.',
  'container.adopted': 'Reconcile rebuilt the record of a container from its machine.',
  'container.flagged': 'Something is amiss with a container; nothing was deleted.',
  'container.unflagged': 'What was amiss is in order again.',
  'container.recovering': 'The host of a container was lost; it is brought back elsewhere.',
  'container.recovered': 'A container runs again after its host was lost.',
  'recovery.started': 'A host stopped responding; its containers are being recovered.',
  'recovery.finished': 'The recovery of a host is over; `recovered` and `lost` are counted.',
  'host.changed': 'A host connected, was lost, or went in or out of maintenance.',
  'store.changed': 'A volume store became usable or unusable.',
  'webhook.enabled': 'A webhook was enabled again.',
  'webhook.disabled':
    'A webhook was disabled; `reason` says whether by a person, by itself (410), or for failing too long.',
  'webhook.test': 'Somebody asked for a test; it is sent to that webhook only and is in no listing.',
} as const satisfies Readonly<Record<string, string>>;
export type EventType = keyof typeof EVENT_TYPES;

/** A fact, as appended. `subject` is a resource key (`volume:demo_vol`) or `job:<id>`. */
export interface NewEvent {
  readonly type: EventType;
  readonly subject: string;
  readonly data: JsonObject;
}

/** `id` is the stream's own (`<ms>-<n>`): it orders events and resumes a reader. */
export interface StowageEvent extends NewEvent {
  readonly id: string;
  readonly time: string;
}

/** Ids of events in the order of the stream; one without its second part is the first of its millisecond. */
export function compareEventIds(a: string, b: string): number {
  const [aMs = 0, aAt = 0] = a.split('-').map(Number);
  const [bMs = 0, bAt = 0] = b.split('-').map(Number);
  return aMs - bMs || aAt - bAt;
}
