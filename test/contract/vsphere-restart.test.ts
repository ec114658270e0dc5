import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { failure, openTestBed, soon, testFence } from '../harness/data-centre.ts';
import { startVcenter } from '../harness/vcenter.ts';

test('a vCenter that restarts is found again: Tasks of before are unknown, the inventory comes anew', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'stowage-restart-'));
  const bed = await openTestBed('lab', { directory });
  const fence = testFence();
  const watching = new AbortController();
  let snapshots = 0;
  try {
    const watch = bed.dc.inventory.watch(() => {
      snapshots += 1;
    }, watching.signal);
    await bed.control('POST', '/task-latency', { method: 'CreateVirtualDisk_Task', ms: 600_000 });
    const path = bed.path('lost.vmdk');
    const task = await bed.dc.disks.create({ path, capacityBytes: 1_048_576, format: 'thin' }, fence);
    const outcome = failure(bed.dc.tasks.wait(task, { signal: soon() }));
    await expect.poll(() => snapshots).toBeGreaterThan(0);
    await bed.vcenter.stop();
    const before = snapshots;
    await expect(bed.dc.ping(soon())).rejects.toMatchObject({ code: 'vcenter-unreachable' });
    const next = await startVcenter('lab', { directory });
    try {
      bed.proxy.retarget(next.url);
      // The restarted vCenter may have ended it or forgotten it.
      expect(['vcenter-not-found', 'job-cancelled']).toContain((await outcome).code);
      await expect.poll(() => snapshots).toBeGreaterThan(before);
      expect((await bed.dc.ping(soon())).about).toContain('vCenter');
      expect((await bed.dc.inventory.read(soon())).hosts).toHaveLength(3);
    } finally {
      watching.abort();
      await watch;
      await bed.dc.close();
      await next.stop();
    }
  } finally {
    await bed.close();
    await rm(directory, { recursive: true, force: true });
  }
});
