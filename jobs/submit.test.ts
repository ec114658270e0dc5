import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { asStowageError } from '../core/errors.ts';
import { resourceKey } from '../core/ids.ts';
import type { JobStore, RecordStore, Submission } from '../core/ports/jobs.ts';
import { ALL_KINDS } from './all.ts';
import { type AnyKind, defineKind } from './define.ts';
import { createCatalogue } from './registry.ts';
import { createSubmit, hasRole, type Submit } from './submit.ts';
import { createWorld } from './world.ts';

const KIND: AnyKind = defineKind<{ readonly name: string; readonly count: number }, Record<string, never>>({
  kind: 'test.echo',
  summary: 'Does nothing.',
  role: 'operator',
  lane: 'default',
  payload: z.strictObject({ name: z.string(), count: z.number().default(1) }),
  result: z.object({}),
  check: ({ name }) => (name === 'wrong' ? [{ pointer: '/name', detail: 'is wrong here' }] : []),
  resources: ({ name }) => [resourceKey('volume', name)],
  joins: true,
  retry: { maxAttempts: 3, baseMs: 1, capMs: 1 },
  deadlineMs: 1_000,
  steps: [{ name: 'only', run: async () => ({}) }],
  finish: () => ({}),
});

/** Keeps what is handed to the queue; accepts all of it. */
function recording(): { readonly submit: Submit; readonly taken: readonly Submission[] } {
  const taken: Submission[] = [];
  const jobs = {
    async submit(submission: Submission) {
      taken.push(submission);
      return { outcome: 'accepted', id: submission.id };
    },
  } as Partial<JobStore> as JobStore;
  const submit = createSubmit({
    catalogue: createCatalogue([KIND]),
    world: createWorld({ volumeStores: [] }),
    jobs,
    records: {} as RecordStore,
    nowMs: () => 1_000,
    randomBytes: (size) => new Uint8Array(size),
  });
  return { submit, taken };
}
const OPERATOR = { actor: 'ann', role: 'operator' } as const;

describe('submitting', () => {
  it('stores the payload as it was sent, and derives the rest from the kind', async () => {
    const { submit, taken } = recording();
    await submit('test.echo', { name: 'a' }, { ...OPERATOR, traceparent: '00-1-2-01', front: true });
    expect(taken).toMatchObject([
      {
        kind: 'test.echo',
        payload: { name: 'a' },
        resources: ['volume:a'],
        stepNames: ['only'],
        maxAttempts: 3,
        deadlineMs: 1_000,
        actor: 'ann',
        traceparent: '00-1-2-01',
        front: true,
      },
    ]);
  });

  it('the order of keys makes no other payload; a value does', async () => {
    const { submit, taken } = recording();
    await submit('test.echo', { name: 'a', count: 2 }, OPERATOR);
    await submit('test.echo', { count: 2, name: 'a' }, { ...OPERATOR, idempotencyKey: 'k' });
    await submit('test.echo', { count: 3, name: 'a' }, OPERATOR);
    const [first, second, third] = taken.map((submission) => submission.naturalKey);
    expect(first).toBe(second);
    expect(third).not.toBe(first);
    expect(taken[1]?.idempotency).toEqual({ scope: 'ann', key: 'k', fingerprint: first });
  });

  it.each([
    [{}, ['/payload/name']],
    [{ name: 'a', count: 'b' }, ['/payload/count']],
    [{ name: 'a', 'x/y~z': 1 }, ['/payload/x~1y~0z']],
    [{ name: 'wrong' }, ['/payload/name']],
    [undefined, ['/payload']],
    ['text', ['/payload']],
  ])('%j is refused, with pointers %j, and nothing is handed on', async (payload, pointers) => {
    const { submit, taken } = recording();
    const error = await submit('test.echo', payload, OPERATOR).catch(asStowageError);
    expect(error).toMatchObject({
      code: 'request-invalid',
      details: { fields: pointers.map((pointer) => ({ pointer })) },
    });
    expect(taken).toEqual([]);
  });

  it('kinds and roles are checked first', async () => {
    const { submit, taken } = recording();
    await expect(submit('test.nope', {}, OPERATOR)).rejects.toMatchObject({
      code: 'kind-unknown',
      message: expect.stringContaining('test.echo'),
    });
    await expect(submit('test.echo', {}, { actor: 'bob', role: 'viewer' })).rejects.toMatchObject({
      code: 'role-insufficient',
    });
    expect(taken).toEqual([]);
    expect([hasRole('admin', 'operator'), hasRole('operator', 'operator'), hasRole('viewer', 'operator')]).toEqual([
      true,
      true,
      false,
    ]);
  });
});

describe('the catalogue', () => {
  it('two kinds of one name are refused', () => {
    expect(() => createCatalogue([KIND, KIND])).toThrow('one name');
  });

  it.each(ALL_KINDS.map((kind) => [kind.kind, kind] as const))('%s is whole', (_, kind) => {
    expect(kind.kind).toMatch(/^[a-z]+\.[a-z]+$/);
    expect(kind.summary).toMatch(/\.$/);
    expect(new Set(kind.steps.map((step) => step.name)).size).toBe(kind.steps.length);
    expect(kind.retry.maxAttempts).toBeGreaterThan(1);
    expect(kind.retry.capMs).toBeGreaterThanOrEqual(kind.retry.baseMs);
    // A step that starts a Task but is local would leave no trace of it after a crash.
    expect(kind.steps.filter((step) => step.task !== undefined && step.isLocal === true)).toEqual([]);
  });
});
