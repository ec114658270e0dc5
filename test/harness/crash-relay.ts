import { appendFileSync } from 'node:fs';
import { pino } from 'pino';
import { createTargetGuard } from '../../core/webhook-target.ts';
import { randomBytes, systemClock } from '../../platform/clock.ts';
import { parseRedisUrl } from '../../platform/redis-url.ts';
import { openStore } from '../../store/open.ts';
import { runRelay } from '../../workers/relay/run.ts';
import { createWebhookSender } from '../../workers/relay/sender.ts';

// The relay alone, in a process that dies at the boundary CRASH_AT (counted from 1), before or after a call that writes to Redis or reaches a
// receiver: what a crash there leaves is what a crash anywhere until the next boundary leaves. CRASH_REPORT is told of each.

const dieAt = Number(process.env['CRASH_AT']);
let passed = 0;

function pass(at: string): void {
  passed += 1;
  appendFileSync(process.env['CRASH_REPORT'] ?? '', `${passed} ${at}\n`);
  if (passed === dieAt) process.kill(process.pid, 'SIGKILL');
}

function bounded<A extends readonly unknown[], R>(
  name: string,
  call: (...args: A) => Promise<R>,
): (...args: A) => Promise<R> {
  return async (...args) => {
    pass(`before ${name}`);
    const result = await call(...args);
    pass(`after ${name}`);
    return result;
  };
}

const logger = pino({ level: 'silent' });
const { outbox } = openStore({
  address: parseRedisUrl(process.env['REDIS_URL'] ?? ''),
  prefix: 'bed',
  patience: 'worker',
  lanes: ['default'],
  process: `relay-${process.pid}`,
  historyJobs: 100,
  logger,
  nowMs: () => systemClock.nowMs(),
  randomBytes,
});
const sender = createWebhookSender({ guard: createTargetGuard({ allowPrivate: '*', allowHttp: true }) });
await runRelay(
  {
    outbox: { ...outbox, fanOut: bounded('fanOut', outbox.fanOut), settle: bounded('settle', outbox.settle) },
    sender: { ...sender, send: bounded('send', sender.send) },
    clock: systemClock,
    logger,
    chance: () => 0.5,
  },
  new AbortController().signal,
);
