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
  'host.changed': 'A host connected, was lost, or went in or out of maintenance.',
  'store.changed': 'A volume store became usable or unusable.',
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
