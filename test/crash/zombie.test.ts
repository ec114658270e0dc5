import { describe, expect, it } from 'vitest';
import { untilTaskRuns } from '../system/lab-view.ts';
import { Sleepers, stopEachOf } from './sleeping.ts';
import { isOfContainers, isOfHosts } from './walk.ts';

describe('a worker that slept past its lock', () => {
  const sleepers = Sleepers.open();

  stopEachOf(
    [
      {
        what: 'volumes and images',
        isOne: (kind) => !['reconcile.run', 'doctor.run'].includes(kind) && !isOfContainers(kind) && !isOfHosts(kind),
      },
    ],
    sleepers,
  );

  it('changes nothing when it was stopped while it waited for a Task', async () => {
    const { crash } = sleepers.walk;
    await crash.system.lab('POST', '/task-latency', { method: 'CreateVirtualDisk_Task', ms: 60_000 });
    const sleeper = await sleepers.start();
    const job = await crash.system.begin('volume.create', { name: 'awaited', options: { Capacity: '8MiB' } });
    await untilTaskRuns(crash.system, 'CreateVirtualDisk_Task');
    sleeper.kill('SIGSTOP');
    await crash.system.lab('POST', '/task-latency', { method: 'CreateVirtualDisk_Task', ms: 0 });
    await sleepers.start();
    expect(await crash.system.end(job)).toMatchObject({ state: 'succeeded' });
    await crash.system.run('volume.remove', { name: 'awaited' });
    const [walker] = sleepers.walk.walkers;
    if (walker === undefined) throw new Error('no scenario');
    await sleepers.wake(sleeper, [{ walker, name: 'awaited', job }]);
  });
});
