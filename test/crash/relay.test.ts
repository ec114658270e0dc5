import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { WebhookId } from '../../core/webhook.ts';
import { pause } from '../../platform/pause.ts';
import { openWebhookBed, type WebhookBed } from '../harness/webhook-bed.ts';
import { type Behaviour, type Receiver, startReceiver, verify } from '../harness/webhook-receiver.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const HOUR = 3_600_000;
/** Many more than there are. */
const MOST_BOUNDARIES = 60;

/** Refuses every delivery the first time that it comes. */
function failFirst(): Behaviour {
  const seen = new Set<string>();
  return ({ id }, response) => {
    response.writeHead(seen.has(id) ? 200 : 500).end();
    seen.add(id);
  };
}

describe('the relay is killed', () => {
  let bed: WebhookBed;
  let receivers: readonly Receiver[];
  let folder: string;
  const children = new Set<ChildProcess>();
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'stowage-relay-'));
    bed = await openWebhookBed();
    receivers = [await startReceiver(), await startReceiver(failFirst())];
  });
  afterEach(async () => {
    for (const child of children) child.kill('SIGKILL');
    await bed.close();
    await Promise.all(receivers.map((receiver) => receiver.close()));
    rmSync(folder, { recursive: true });
  });

  /** Resolves with whether it died at its boundary; it did not when all was delivered, or failed once, before that. */
  async function runAndDie(at: number, isOver: () => Promise<boolean>): Promise<boolean> {
    const child = spawn(process.execPath, [resolve(ROOT, 'test/harness/crash-relay.ts')], {
      env: {
        PATH: process.env['PATH'],
        REDIS_URL: bed.bed.url,
        CRASH_AT: String(at),
        CRASH_REPORT: join(folder, `${at}`),
      },
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    children.add(child);
    const exit = new AbortController();
    const died = once(child, 'exit').then(() => exit.abort());
    while (!exit.signal.aborted && !(await isOver())) await pause(25, exit.signal);
    const hasDied = child.exitCode !== null || child.signalCode !== null;
    child.kill('SIGKILL');
    await died;
    children.delete(child);
    return hasDied;
  }

  it('between every pair of steps: each event comes at least once, under the one id that it has', async () => {
    const [plain, failing] = receivers;
    if (plain === undefined || failing === undefined) throw new Error('there are two');
    const first = await bed.endpoint(plain.url);
    const second = await bed.endpoint(failing.url, { eventTypes: ['volume.removed'] });
    const met = new Set<string>();
    let total = 0;
    for (let at = 1, hasDied = true; hasDied; at += 1) {
      expect(at).toBeLessThan(MOST_BOUNDARIES);
      await bed.emit(`volume:a${at}`, `volume:b${at}`, ['volume.removed', `volume:a${at}`]);
      total += 3;
      // The child's clock is not put forward: what failed waits.
      const isOver = async (): Promise<boolean> =>
        (await bed.countOf(first.id, 'delivered')) === total && (await attemptsOf(second.id)) >= at;
      hasDied = await runAndDie(at, isOver);
      for (const line of readFileSync(join(folder, `${at}`), 'utf8')
        .trim()
        .split('\n'))
        met.add(line.replace(/^\d+ /, ''));
      // Another takes over, as the next leader does.
      const stop = bed.relay();
      bed.clock.advance(HOUR);
      await expect.poll(() => bed.countOf(first.id, 'delivered')).toBe(total);
      await expect.poll(() => bed.countOf(second.id, 'delivered')).toBe(at);
      await stop();
    }
    expect([...met].toSorted()).toEqual(
      ['fanOut', 'send', 'settle'].flatMap((name) => [`after ${name}`, `before ${name}`]).toSorted(),
    );
    await expectAll(plain, first);
    await expectAll(failing, second);
  });

  async function attemptsOf(id: WebhookId): Promise<number> {
    return (await bed.deliveries(id)).filter(({ attemptCount }) => attemptCount > 0).length;
  }

  async function expectAll(
    receiver: Receiver,
    { id, secret }: { readonly id: WebhookId; readonly secret: string },
  ): Promise<void> {
    const deliveries = await bed.deliveries(id);
    expect(new Set(receiver.received.map((one) => one.id))).toEqual(new Set(deliveries.map((each) => each.id)));
    for (const one of receiver.received) {
      const event = deliveries.find((each) => each.id === one.id)?.event;
      expect(verify(secret, one)).toMatchObject({ id: event?.id, subject: event?.subject });
    }
  }

  it('two relays at once, as when a leader does not know yet that it leads no more, store each delivery once', async () => {
    const [receiver] = receivers;
    const { id } = await bed.endpoint(receiver?.url ?? '');
    bed.relay();
    bed.relay();
    const subjects = Array.from({ length: 40 }, (_, n) => `volume:v${n % 7}`);
    await bed.emit(...subjects);
    await expect.poll(() => bed.countOf(id, 'delivered')).toBe(subjects.length);
    const ids = receiver?.received.map((one) => one.id);
    expect(new Set(ids).size).toBe(subjects.length);
  });
});
