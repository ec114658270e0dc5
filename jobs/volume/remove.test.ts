import { expect, test } from 'vitest';
import { StowageError } from '../../core/errors.ts';
import type { JsonObject } from '../../core/job.ts';
import type { VolumeRecord } from '../../core/volume.ts';
import type { StepContext } from '../define.ts';
import { volumeRemove } from './remove.ts';

const BEFORE = { type: 'volume', name: 'kept', state: 'available', place: { disk: { path: '[ds] kept.vmdk' } } };
const REFUSED = new StowageError('vcenter-no-permission', 'refused').facts;

/** As `abandon` uses it: the record is this job's, and the disk is asked for like this. */
function contextWith(uuid: () => Promise<string | undefined>, signal: AbortSignal): StepContext<unknown, JsonObject> {
  const record = { ...BEFORE, state: 'deleting', job: 'a-job' } as unknown as VolumeRecord;
  return {
    jobId: 'a-job',
    payload: { name: 'kept' },
    notes: { before: BEFORE, place: BEFORE.place },
    records: { read: async () => ({ record, rev: 3 }) },
    dataCentre: { disks: { uuid } },
    signal,
    now: () => 'now',
  } as unknown as StepContext<unknown, JsonObject>;
}

const written = async (context: StepContext<unknown, JsonObject>): Promise<unknown> =>
  (await volumeRemove.abandon?.(context, REFUSED, true))?.records?.[0];

test('a refused removal leaves the volume available while its disk is there, else failed', async () => {
  const signal = new AbortController().signal;
  expect(await written(contextWith(async () => 'uuid', signal))).toMatchObject({ record: { state: 'available' } });
  expect(await written(contextWith(async () => undefined, signal))).toMatchObject({ record: { state: 'failed' } });
});

test('one who is interrupted while he asks for the disk does not take it for gone', async () => {
  const lost = new StowageError('claim-lost', 'interrupted');
  const context = contextWith(() => Promise.reject(lost), AbortSignal.abort(lost));
  await expect(written(context)).rejects.toMatchObject({ code: 'claim-lost' });
});
