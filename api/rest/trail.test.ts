import { afterAll, beforeAll, expect, test } from 'vitest';
import { StowageError } from '../../core/errors.ts';
import { taskRef } from '../../core/ids.ts';
import { type Rig, startRig } from './rig.ts';

let rig: Rig;
beforeAll(async () => {
  rig = await startRig();
});
afterAll(async () => {
  await rig.close();
});

test('a trail tells events, attempts, steps, Tasks, calls and lines in the order of time', async () => {
  const id = await rig.submit('trailed');
  const claim = await rig.begin(id);
  const startedAt = new Date().toISOString();
  const task = { method: 'CreateVirtualDisk_Task', ref: taskRef('task-7'), startedAt } as const;
  rig.store.trails.add(id, [
    {
      at: startedAt,
      type: 'call',
      name: 'CreateVirtualDisk_Task',
      attempt: 1,
      step: 'send',
      durationMs: 3.5,
      data: { outcome: 'ok' },
    },
    { at: startedAt, type: 'log', name: 'waits for room', attempt: 1, step: 'send', level: 'warn' },
  ]);
  await rig.store.claims.commit(claim, {
    steps: [{ name: 'send', state: 'running', begun: 1, startedAt, tasks: [task] }],
    end: { state: 'dead', error: new StowageError('volume-in-use', 'held').facts },
    step: 'send',
  });
  const { status, body } = await rig.call({ url: `/v1/jobs/${id}/trail` });
  expect(status).toBe(200);
  const items = body['items'] as readonly { readonly at: string; readonly type: string; readonly name: string }[];
  expect(items.map(({ at }) => at)).toEqual(items.map(({ at }) => at).toSorted((a, b) => (a < b ? -1 : 1)));
  const named = (type: string): unknown => items.filter((item) => item.type === type);
  expect(named('event')).toMatchObject([{ name: 'job.submitted' }, { name: 'job.started' }, { name: 'job.dead' }]);
  expect(named('attempt')).toMatchObject([
    {
      name: 'attempt 1',
      attempt: 1,
      step: 'send',
      data: { worker: 'test-worker', outcome: 'dead', code: 'volume-in-use' },
    },
  ]);
  expect(named('step')).toMatchObject([
    { name: 'send', durationMs: expect.any(Number), data: { state: 'running', begun: 1 } },
  ]);
  expect(named('task')).toMatchObject([{ name: 'CreateVirtualDisk_Task', step: 'send', data: { ref: 'Task:task-7' } }]);
  expect(named('call')).toMatchObject([{ durationMs: 3.5, step: 'send', data: { outcome: 'ok' } }]);
  expect(named('log')).toMatchObject([{ name: 'waits for room', level: 'warn' }]);
});

test('a trail is read page by page', async () => {
  const id = await rig.submit('trailed-pages');
  await rig.end(id, { state: 'succeeded', result: {} });
  const { body } = await rig.call({ url: `/v1/jobs/${id}/trail` });
  const paged: unknown[] = [];
  for (let cursor = ''; ; ) {
    const page = await rig.call({ url: `/v1/jobs/${id}/trail?limit=1${cursor}` });
    paged.push(...(page.body['items'] as unknown[]));
    const { next } = page.body;
    if (typeof next !== 'string') break;
    cursor = `&cursor=${next}`;
  }
  expect(paged).toEqual(body['items']);
  expect(paged.length).toBeGreaterThan(3);
});

test('there is no trail of a job that there is not', async () => {
  const { status, body } = await rig.call({ url: `/v1/jobs/${'0'.repeat(26)}/trail` });
  expect({ status, code: body['code'] }).toEqual({ status: 404, code: 'job-not-found' });
});
