import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { PRESET_KEY, type Rig, startRig } from '../api/rest/rig.ts';
import type { JobId } from '../core/ids.ts';
import { type Cli, stowageCli } from '../test/harness/cli.ts';

// The real command against a real REST server on a real Redis. No worker runs: tests end jobs themselves.

describe('the stowage command', () => {
  let rig: Rig;
  let cli: Cli;
  let url: string;
  beforeAll(async () => {
    rig = await startRig();
    url = await rig.app.listen({ host: '127.0.0.1', port: 0 });
    cli = stowageCli({ STOWAGE_URL: url, STOWAGE_API_KEY: PRESET_KEY });
  });
  afterAll(async () => {
    cli.close();
    await rig.close();
  });

  const submitParcel = (name: string, ...args: readonly string[]) =>
    cli.start({}, 'job', 'submit', 'parcel.send', JSON.stringify({ name }), ...args);
  const newestJob = async (name: string): Promise<JobId> => {
    const { body } = await rig.call({ method: 'GET', url: `/v1/jobs?resource=volume:${name}` });
    return (body['items'] as { id: JobId }[])[0]?.id as JobId;
  };

  test('a submission waits for its job, tells its result, and exits 0', async () => {
    const running = submitParcel('waited');
    await expect.poll(async () => await newestJob('waited')).toBeDefined();
    const id = await newestJob('waited');
    await rig.end(id, { state: 'succeeded', result: { parcels: 1 } });
    const ran = await running.ended;
    expect(ran).toMatchObject({ code: 0, out: 'parcels: 1\n' });
    expect(ran.err).toContain(`parcel.send of volume:waited: done`);
    expect(ran.err).toContain(id);
  });

  test('a job that dies exits 1, with a sentence, what to do, and the trace', async () => {
    const running = submitParcel('dying');
    await expect.poll(async () => await newestJob('dying')).toBeDefined();
    const id = await newestJob('dying');
    const error = { kind: 'conflict', code: 'volume-in-use', message: 'vm-7 has it' } as const;
    await rig.end(id, { state: 'dead', error });
    const ran = await running.ended;
    expect(ran).toMatchObject({ code: 1, out: '' });
    expect(ran.err).toContain('stowage: parcel.send of volume:dying failed: vm-7 has it');
    expect(ran.err).toMatch(/Detach it from the holder/);
    expect(ran.err).toMatch(/\(volume-in-use, trace [0-9a-f]{32}\)/);
  });

  test('--detach prints the id alone; job wait waits for it; --json is the job itself', async () => {
    const { out, code } = await submitParcel('detached', '--detach').ended;
    expect(code).toBe(0);
    const id = out.trim() as JobId;
    expect(id).toMatch(/^[0-9a-z]{26}$/);
    const waiting = cli.start({}, 'job', 'wait', id, '--json');
    await rig.end(id, { state: 'succeeded', result: {} });
    const ran = await waiting.ended;
    expect(ran.code).toBe(0);
    expect(ran.json()).toMatchObject({ id, state: 'succeeded' });
    expect(ran.err).toBe('');
  });

  test('Ctrl-C stops waiting, says that the job goes on, and exits 130', async () => {
    const id = await rig.submit('patient');
    await rig.begin(id);
    const waiting = cli.start({}, 'job', 'wait', id);
    await expect.poll(() => rig.log()).toContain(`"GET","path":"/v1/jobs/${id}"`);
    waiting.kill('SIGINT');
    const ran = await waiting.ended;
    expect(ran.code).toBe(130);
    expect(ran.err).toContain(`no longer waiting; job ${id} (parcel.send of volume:patient) goes on`);
    expect(ran.err).toContain(`stowage job wait ${id}`);
    expect((await rig.store.jobs.read(id))?.state).toBe('running');
  });

  test('an api that goes away in the middle of a wait is waited for', async () => {
    const id = await rig.submit('restless');
    const waiting = cli.start({}, 'job', 'wait', id);
    await expect.poll(() => rig.log()).toContain(`"GET","path":"/v1/jobs/${id}"`);
    rig.app.server.closeAllConnections();
    await rig.end(id, { state: 'succeeded', result: {} });
    expect(await waiting.ended).toMatchObject({ code: 0 });
  });

  test('events are followed from where they begin, over a broken stream, each once', async () => {
    const following = cli.start({}, 'events', '--follow', '--json', '--type', 'job.submitted', '--after', '0');
    const first = await rig.submit('stream-1');
    await following.said(first);
    rig.app.server.closeAllConnections();
    const second = await rig.submit('stream-2');
    await following.said(second);
    following.kill('SIGINT');
    const { code, out } = await following.ended;
    expect(code).toBe(0);
    const ids = out
      .trimEnd()
      .split('\n')
      .map((line) => (JSON.parse(line) as { id: string }).id);
    expect(ids).toEqual([...new Set(ids)]);
  });

  test('a dead letter is edited and submitted again', async () => {
    const id = await rig.submit('crooked');
    await rig.end(id, { state: 'dead', error: { kind: 'internal', code: 'internal-error', message: 'oops' } });
    const edit = (editor: string) => cli.with({ env: { EDITOR: editor } })('job', 'redrive', id, '--edit', '--detach');
    expect(await edit('true')).toMatchObject({ code: 0, err: 'Nothing was changed; nothing was done.\n' });
    expect(await edit('false')).toMatchObject({ code: 1 });
    const edited = await edit('sed -i s/crooked/straight/');
    expect(edited.code).toBe(0);
    const job = await rig.store.jobs.read(edited.out.trim() as JobId);
    expect(job).toMatchObject({ payload: { name: 'straight' }, redriveOf: id });
    expect((await cli('job', 'show', id)).out).toMatch(new RegExp(`replacedBy: +${edited.out.trim()}`));
  });

  test('the same idempotency key is the same job', async () => {
    const ids = await Promise.all(
      [1, 2].map(async () => (await submitParcel('again', '-d', '--idempotency-key', 'k-1').ended).out),
    );
    expect(ids[0]).toBe(ids[1]);
  });

  test('a job is shown, cancelled, redriven and discarded', async () => {
    const id = await rig.submit('handled');
    expect((await cli('job', 'show', id)).out).toContain('volume:handled');
    expect(await cli('job', 'cancel', id)).toMatchObject({ code: 0 });
    const dead = await rig.submit('handled');
    await rig.end(dead, { state: 'dead', error: { kind: 'internal', code: 'internal-error', message: 'oops' } });
    expect((await cli('job', 'show', dead)).out).toMatch(/Attempts[^]*dead[^]*internal-error: oops[^]*Error\noops/);
    expect(await cli('job', 'redrive', dead, '--detach')).toMatchObject({ code: 0, out: `${dead}\n` });
    await rig.end(dead, { state: 'dead', error: { kind: 'internal', code: 'internal-error', message: 'oops' } });
    expect(await cli('job', 'discard', dead)).toMatchObject({ code: 2 });
    expect(await cli('job', 'discard', dead, '--reason', 'enough')).toMatchObject({ code: 0 });
    expect(await cli('job', 'discard', dead, '--reason', 'enough')).toMatchObject({ code: 1 });
  });

  test('lists are tables for people and one document for scripts, of as many pages as it takes', async () => {
    await Promise.all(Array.from({ length: 7 }, async (_, n) => await rig.submit(`many-${n}`)));
    const table = (await cli('job', 'list', '--kind', 'parcel.send', '-n', '3')).out.trimEnd().split('\n');
    expect(table).toHaveLength(4);
    expect(table[0]).toMatch(/^ID +KIND +STATE +RESOURCES/);
    const some = (await cli('job', 'list', '--json', '--limit', '2')).json() as { items: unknown[]; next: string };
    expect(some.items).toHaveLength(2);
    const more = (await cli('job', 'list', '--json', '--limit', '2', '--cursor', some.next)).json();
    expect(more['items']).not.toEqual(some.items);
    const all = (await cli('job', 'list', '--json', '--all')).json() as { items: unknown[]; next?: string };
    expect(all.items.length).toBeGreaterThanOrEqual(7);
    expect(all.next).toBeUndefined();
    expect(await cli('volume', 'list')).toMatchObject({ code: 0, out: '', err: 'No volumes.\n' });
  });

  test('exit codes: usage 2, unreachable 3, not found 4, not allowed 5', async () => {
    expect(await cli('volume', 'create')).toMatchObject({ code: 2 });
    expect(await cli('volume', 'list', '--nonsense')).toMatchObject({ code: 2 });
    expect(await cli('nonsense')).toMatchObject({ code: 2 });
    expect(await cli('job', 'submit', 'parcel.send', '{"name":')).toMatchObject({ code: 2 });
    const invalid = await cli('job', 'submit', 'parcel.send', '{"name":"x"}');
    expect(invalid.code).toBe(2);
    expect(invalid.err).toContain('/payload/name');
    const away = await cli('volume', 'list', '--url', 'http://127.0.0.1:1');
    expect(away.code).toBe(3);
    expect(away.err).toContain('Nothing listens there');
    expect(await cli('volume', 'show', 'nothing')).toMatchObject({ code: 4 });
    expect(await cli.with({ env: { STOWAGE_API_KEY: 'wrong' } })('volume', 'list')).toMatchObject({ code: 5 });
    const refused = await cli('volume', 'show', 'nothing', '--json');
    expect(JSON.parse(refused.err)).toMatchObject({ code: 'volume-not-found', status: 404, exitCode: 4 });
    expect(refused.out).toBe('');
  });

  test('keys are made, used from a file, and refused what their role may not do', async () => {
    const made = await cli('key', 'create', 'looker', '--role', 'viewer');
    const file = join(cli.home, 'viewer.key');
    writeFileSync(file, made.out);
    const asViewer = cli.with({ env: { STOWAGE_API_KEY: '', STOWAGE_API_KEY_FILE: file } });
    expect(await asViewer('job', 'list')).toMatchObject({ code: 0 });
    const refused = await asViewer('job', 'submit', 'parcel.send', '{"name":"mine"}');
    expect(refused.code).toBe(5);
    expect(refused.err).toContain('operator');
    const { items } = (await cli('key', 'list', '--json')).json() as { items: { id: string; name: string }[] };
    const id = items.find(({ name }) => name === 'looker')?.id ?? '';
    expect(await cli('key', 'revoke', id)).toMatchObject({ code: 0 });
    expect(await asViewer('job', 'list')).toMatchObject({ code: 5 });
  });

  test('contexts name installations; an option goes before them', async () => {
    const bare = cli.with({ env: { STOWAGE_URL: '', STOWAGE_API_KEY: '' } });
    const file = join(cli.home, 'admin.key');
    writeFileSync(file, PRESET_KEY);
    expect(await bare('context', 'set', 'here', '--url', url, '--key-file', file)).toMatchObject({ code: 0 });
    expect(await bare('context', 'set', 'away', '--url', 'http://127.0.0.1:1')).toMatchObject({ code: 0 });
    expect(await bare('job', 'list')).toMatchObject({ code: 0 });
    expect(await bare('job', 'list', '--context', 'away')).toMatchObject({ code: 3 });
    await bare('context', 'use', 'away');
    expect(await bare('job', 'list')).toMatchObject({ code: 3 });
    expect(await bare('job', 'list', '--url', url, '--key-file', file)).toMatchObject({ code: 0 });
    expect((await bare('context', 'list')).out).toMatch(/yes +away/);
    expect(await bare('context', 'use', 'nowhere')).toMatchObject({ code: 2 });
    expect(readFileSync(join(cli.home, '.config/stowage/config.json'), 'utf8')).not.toContain(PRESET_KEY);
  });

  test('webhooks are made, changed, tested and removed', async () => {
    const made = (
      await cli('webhook', 'create', 'https://hooks.example.com/a', '--event', 'job.dead', '--json')
    ).json();
    const id = String(made['id']);
    expect(made).toMatchObject({ eventTypes: ['job.dead'], secret: expect.stringMatching(/^whsec_/) });
    expect((await cli('webhook', 'update', id, '--disable', '--description', 'off', '--json')).json()).toMatchObject({
      state: 'disabled',
      description: 'off',
    });
    await cli('webhook', 'update', id, '--enable', '--url', 'https://hooks.example.com/b');
    expect((await cli('webhook', 'list')).out).toMatch(/hooks\.example\.com\/b +enabled +job\.dead/);
    expect(await cli('webhook', 'update', id)).toMatchObject({ code: 2 });
    expect((await cli('webhook', 'rotate', id, '--overlap', '1', '--json')).json()['secret']).not.toBe(made['secret']);
    const delivery = (await cli('webhook', 'test', id, '--json')).json();
    expect((await cli('webhook', 'deliveries', id)).out).toContain(String(delivery['id']));
    expect(await cli('webhook', 'replay', id, '--since', '1h')).toMatchObject({ code: 0 });
    expect(await cli('webhook', 'remove', id)).toMatchObject({ code: 0 });
    expect(await cli('webhook', 'show', id)).toMatchObject({ code: 4 });
  });

  test('completion offers commands, options, choices and names', async () => {
    const offered = async (...words: readonly string[]) =>
      (await cli('complete', '--', ...words)).out.trimEnd().split('\n');
    expect(await offered('vol')).toEqual(['volume']);
    expect(await offered('volume', 'e')).toEqual(['expand']);
    expect(await offered('volume', 'create', 'x', '--cap')).toEqual(['--capacity']);
    expect(await offered('key', 'create', 'x', '--role', '')).toEqual(['viewer', 'operator', 'admin']);
    expect(await offered('job', 'submit', 'par')).toEqual(['parcel.send']);
    expect((await cli('completion', 'bash')).out).toContain('complete -o default -F _stowage stowage');
  });
});
