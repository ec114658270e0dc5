import type { ContainerRecord } from '../../core/container.ts';
import { isErrorCode, StowageError } from '../../core/errors.ts';
import type { StowageEvent } from '../../core/events.ts';
import type { Answer } from './answer.ts';
import { findShown } from './container-find.ts';
import { dockerState } from './container-state.ts';
import type { Call, DockerParts, Route } from './parts.ts';

const CONDITIONS = ['not-running', 'next-exit', 'removed'] as const;
type Condition = (typeof CONDITIONS)[number];

interface Exit {
  readonly StatusCode: number;
  readonly Error?: { readonly Message: string };
}

/** The header goes at once, because the CLI starts the container only then; the exit code when it is known. */
async function wait(call: Call, parts: DockerParts): Promise<Answer> {
  const condition = conditionOf(call);
  // Pinned before the record is read: whatever happens after that is among the events that follow.
  const after = (await parts.events.list({ limit: 1 })).items[0]?.id ?? '0-0';
  const record = await findShown(call, parts);
  return { type: 'lines', lines: exitOf(call, parts, { record, condition, after }) };
}

function conditionOf({ query, minor }: Call): Condition {
  const text = minor < 30 ? '' : (query.get('condition') ?? '');
  const found = text === '' ? 'not-running' : CONDITIONS.find((each) => each === text);
  if (found !== undefined) return found;
  throw new StowageError('request-invalid', `invalid condition: "${text}"`);
}

interface Waiting {
  readonly record: ContainerRecord;
  readonly condition: Condition;
  readonly after: string;
}

async function* exitOf(call: Call, parts: DockerParts, { record, condition, after }: Waiting): AsyncGenerator<Exit> {
  let code = record.run.exitCode ?? 0;
  if (condition === 'not-running' && isOver(record)) {
    yield { StatusCode: code };
    return;
  }
  const following = new AbortController();
  const signal = AbortSignal.any([call.signal, following.signal]);
  try {
    for await (const event of parts.events.follow(after, signal)) {
      if (event.subject !== `container:${record.name}`) continue;
      code = exitCodeIn(event) ?? code;
      if (ends(event, condition)) {
        yield { StatusCode: code };
        return;
      }
      const failure = event.type === 'container.failed' ? await failureOf(parts, record) : undefined;
      if (failure !== undefined) {
        yield { StatusCode: code, Error: { Message: failure } };
        return;
      }
    }
  } catch (error) {
    if (!isErrorCode(error, 'redis-unavailable')) throw error;
  } finally {
    following.abort();
  }
}

function isOver(record: ContainerRecord): boolean {
  const state = dockerState(record);
  return state === 'exited' || state === 'dead' || state === 'created';
}

function exitCodeIn({ type, data }: StowageEvent): number | undefined {
  const code = data['exitCode'];
  return type === 'container.died' && typeof code === 'number' ? code : undefined;
}

function ends({ type }: StowageEvent, condition: Condition): boolean {
  return type === 'container.removed' || (condition !== 'removed' && type === 'container.died');
}

/** It cannot go on without a person: nobody should wait for that. */
async function failureOf({ records }: DockerParts, { name }: ContainerRecord): Promise<string | undefined> {
  const record = (await records.read('container', name))?.record;
  return record?.state === 'dead' ? (record.error ?? 'the container is dead') : undefined;
}

export const containerWaitRoutes: readonly Route[] = [
  {
    method: 'POST',
    path: '/containers/{name}/wait',
    role: 'viewer',
    support: { as: 'supported' },
    handler: wait,
  },
];
