import type { ContainerRecord } from '../../core/container.ts';
import { isErrorCode, StowageError } from '../../core/errors.ts';
import type { JsonObject } from '../../core/job.ts';
import { type Answer, empty } from './answer.ts';
import { findShown } from './container-find.ts';
import { dockerState } from './container-state.ts';
import { explainFields } from './explain.ts';
import type { Call, DockerParts, Handler, Route } from './parts.ts';
import { runJob } from './run-job.ts';
import { parseSignal } from './signal.ts';

// What is done to a container that is there. The job decides; what is said when it may not be done is in dockerd's words.

/** Runs the job on the container that the path names. @throws as the job; `container-busy` with dockerd's text */
async function act(
  call: Call,
  parts: DockerParts,
  { kind, payload = {}, refusal }: { readonly kind: string; readonly payload?: object; readonly refusal: Refusal },
): Promise<JsonObject> {
  const { name } = await findShown(call, parts);
  try {
    return await runJob(call, parts, kind, { container: name, ...payload });
  } catch (error) {
    if (!(error instanceof StowageError)) throw error;
    if (!isErrorCode(error, 'container-busy')) throw explainFields(error);
    const text = refusal(await findShown(call, parts), call.names['name'] ?? '');
    throw text === undefined ? error : new StowageError('container-busy', text, { cause: error });
  }
}

/** dockerd's text for a container in this state; undefined: it has none. */
type Refusal = (record: ContainerRecord, asked: string) => string | undefined;

const isOff = (record: ContainerRecord): boolean => ['created', 'exited', 'dead'].includes(dockerState(record));
const isPaused = (record: ContainerRecord): boolean => dockerState(record) === 'paused';

const start: Handler = async (call, parts) => {
  const { started } = await act(call, parts, {
    kind: 'container.start',
    refusal: (record) => (isPaused(record) ? 'cannot start a paused container, try unpause instead' : undefined),
  });
  return empty(started === false ? 304 : 204);
};

const stop: Handler = async (call, parts) => {
  const signal = call.query.get('signal') ?? '';
  const { stopped } = await act(call, parts, {
    kind: 'container.stop',
    payload: { ...timeoutOf(call), ...(signal === '' ? {} : { signal: parseSignal(signal) }) },
    refusal: () => undefined,
  });
  return empty(stopped === false ? 304 : 204);
};

const restart: Handler = async (call, parts) => {
  await act(call, parts, { kind: 'container.restart', payload: timeoutOf(call), refusal: () => undefined });
  return empty();
};

function timeoutOf({ query }: Call): object {
  const text = query.get('t') ?? '';
  if (text === '') return {};
  if (!/^-?\d{1,9}$/.test(text)) throw new StowageError('request-invalid', `invalid timeout: "${text}"`);
  return { timeoutSeconds: Math.max(-1, Number(text)) };
}

const kill: Handler = async (call, parts) => {
  const text = call.query.get('signal') ?? '';
  const signal = text === '' ? 'KILL' : parseSignal(text);
  const refusal: Refusal = (record, asked) =>
    isOff(record) ? `cannot kill container: ${asked}: container ${record.name} is not running` : undefined;
  await act(call, parts, { kind: 'container.kill', payload: { signal }, refusal });
  return empty();
};

const pause: Handler = async (call, parts) => {
  const refusal: Refusal = (record) => {
    if (isPaused(record)) return `container ${record.name} is already paused`;
    return isOff(record) ? `container ${record.name} is not running` : undefined;
  };
  await act(call, parts, { kind: 'container.pause', refusal });
  return empty();
};

const unpause: Handler = async (call, parts) => {
  const refusal: Refusal = (record) => `Container ${record.name} is not paused`;
  const { changed } = await act(call, parts, { kind: 'container.unpause', refusal });
  if (changed === false)
    throw new StowageError('container-busy', `Container ${call.names['name'] ?? ''} is not paused`);
  return empty();
};

const rename: Handler = async (call, parts) => {
  const name = (call.query.get('name') ?? '').replace(/^\//, '');
  if (name === '') throw new StowageError('request-invalid', 'Neither old nor new names may be empty');
  await act(call, parts, { kind: 'container.rename', payload: { name }, refusal: () => undefined });
  return empty();
};

const supported = { as: 'supported' } as const;
function route(verb: string, handler: (call: Call, parts: DockerParts) => Promise<Answer> | Answer): Route {
  return { method: 'POST', path: `/containers/{name}/${verb}`, role: 'operator', support: supported, handler };
}

export const containerActionRoutes: readonly Route[] = [
  route('start', start),
  route('stop', stop),
  route('restart', restart),
  route('kill', kill),
  route('pause', pause),
  route('unpause', unpause),
  route('rename', rename),
];
