import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import type { ContainerRecord } from '../../core/container.ts';
import { StowageError } from '../../core/errors.ts';
import type { OutputRecord } from '../../core/guest.ts';
import type { Guests } from '../../core/ports/guests.ts';
import { carryInput, endInput } from './client-input.ts';
import { engineConfig } from './container-engine.ts';
import { findInside, type Inside } from './container-guest.ts';
import { newestEvent, type RunWatch, watchRun, whenOver } from './container-run.ts';
import { dockerState } from './container-state.ts';
import { DetachKeys, parseDetachKeys } from './detach-keys.ts';
import { type ClientLine, send } from './hijack.ts';
import { contentTypeOf, framerOf } from './multiplex.ts';
import type { Call, DockerParts, Handler, Route } from './parts.ts';
import { readPieces } from './pieces.ts';
import { flagOf } from './query.ts';
import { webSocketKey } from './web-socket.ts';
import type { Answer } from './answer.ts';

/** How long a guest may take to say how it stands, of a container whose machine runs. */
const GUEST_MS = 15_000;
const BOOT_MS = 120_000;

type HijackAnswer = Extract<Answer, { type: 'hijack' }>;

interface Wanted {
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  /** What comes. */
  readonly stream: boolean;
  /** What is kept of what came before. */
  readonly logs: boolean;
  readonly keys: Buffer;
}

function wantedOf({ query }: Call): Wanted {
  return {
    stdin: flagOf(query, 'stdin'),
    stdout: flagOf(query, 'stdout'),
    stderr: flagOf(query, 'stderr'),
    stream: flagOf(query, 'stream'),
    logs: flagOf(query, 'logs'),
    keys: parseDetachKeys(query.get('detachKeys') ?? ''),
  };
}

/** One client at a container's process. All of it ends with `over`. */
interface Attachment extends Inside {
  readonly parts: DockerParts;
  readonly wanted: Wanted;
  /** No heads in the output. */
  readonly isRaw: boolean;
  /** The run is not there yet. */
  readonly isAhead: boolean;
  readonly output: AsyncIterable<OutputRecord>;
  readonly watch: RunWatch;
  readonly over: AbortController;
  /** Fires with `over`, when the client has gone, and when the server stops. */
  readonly signal: AbortSignal;
}

const attach: Handler = async (call, parts) => await attachment(call, parts);

/** Both outputs as they come, with nothing that says which is which, as dockerd. */
const attachByWebSocket: Handler = async (call, parts) => {
  const key = webSocketKey(call.headers);
  if (key === undefined)
    throw new StowageError('request-invalid', 'this is for web sockets of version 13: no upgrade to one was asked for');
  // A page of somebody else's must not use a certificate that its reader's browser has.
  const { origin, host } = call.headers;
  if (origin !== undefined && URL.parse(origin)?.host !== host)
    throw new StowageError('role-insufficient', `web sockets of pages from ${origin} are refused`);
  return { ...(await attachment(call, parts, { isRaw: true })), webSocketKey: key };
};

async function attachment(call: Call, parts: DockerParts, { isRaw = false } = {}): Promise<HijackAnswer> {
  const wanted = wantedOf(call);
  const after = await newestEvent(parts.events);
  const inside = await findInside(call, parts, 'attaching to a container');
  const { record, guests } = inside;
  const isAhead = isBeforeItsRun(record);
  if (!isAhead) await requireGuest(guests, record, call.signal);
  const over = new AbortController();
  const signal = AbortSignal.any([call.signal, over.signal]);
  const watch = watchRun(parts, record, { after, signal });
  const output = outputOf(inside, { wanted, isAhead, signal });
  const attached = { ...inside, parts, wanted, isAhead, isRaw, output, watch, over, signal };
  return {
    type: 'hijack',
    contentType: contentTypeOf(record.spec.tty, call.minor),
    serve: async (line) => await serve(line, attached),
  };
}

/** @throws `container-busy` with dockerd's texts for one that cannot be attached to now */
function isBeforeItsRun(record: ContainerRecord): boolean {
  const refuse = (text: string): never => {
    throw new StowageError('container-busy', `container ${record.name} ${text}`);
  };
  switch (dockerState(record)) {
    case 'running':
      return false;
    case 'created':
    case 'exited':
    case 'dead':
      return true;
    case 'paused':
      return refuse('is paused, unpause the container before attach');
    case 'restarting':
      return refuse('is restarting, wait until the container is running');
    case 'removing':
      return refuse('is being removed');
  }
}

/** Of the run that the record tells of: what an earlier one wrote last is none of its output. @throws `guest-unreachable` */
async function requireGuest(
  guests: Guests,
  { name, called, run }: ContainerRecord,
  signal: AbortSignal,
): Promise<void> {
  const state = await guests.state(name, { run: run.startedAt ?? '', ms: GUEST_MS }, signal);
  if (state !== undefined && (state.startedAt ?? run.startedAt) === run.startedAt) return;
  throw new StowageError('guest-unreachable', `container ${called} runs, but nothing was heard of its guest`);
}

interface Outlook {
  readonly wanted: Wanted;
  readonly isAhead: boolean;
  readonly signal: AbortSignal;
}

function outputOf({ record, guests }: Inside, { wanted, isAhead, signal }: Outlook): AsyncIterable<OutputRecord> {
  const { stream, logs } = wanted;
  const past = (follow: boolean): AsyncIterable<OutputRecord> => guests.logs(record.name, { follow }, signal);
  if (!stream) return logs ? past(false) : nothing();
  if (!isAhead) return logs ? past(true) : begun(guests.attach(record.name, 'now', signal));
  const next = begun(guests.attach(record.name, 'next', signal));
  return logs ? inTurn([past(false), next]) : next;
}

async function* nothing(): AsyncGenerator<never> {}

async function* inTurn<T>(sources: readonly AsyncIterable<T>[]): AsyncGenerator<T> {
  for (const source of sources) yield* source;
}

/** Asked for at once, before anybody is told that it is: clients start the container then. */
function begun<T>(source: AsyncIterable<T>): AsyncIterable<T> {
  const iterator = source[Symbol.asyncIterator]();
  const first = iterator.next();
  first.catch(() => undefined);
  return (async function* () {
    try {
      for (let next = await first; next.done !== true; next = await iterator.next()) yield next.value;
    } finally {
      await iterator.return?.();
    }
  })();
}

async function serve(line: ClientLine, attachment: Attachment): Promise<void> {
  const { record, output, wanted, isRaw, watch, over, signal } = attachment;
  const frame = framerOf(isRaw || record.spec.tty);
  const end = (): void => over.abort();
  whenOver(watch, signal, end);
  void takeInput(line, attachment).then((isOver) => (isOver ? end() : undefined));
  try {
    for await (const { stream, bytes } of output) {
      if (wanted[stream] && !(await send(line.output, frame(stream, bytes), signal))) return;
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    end();
  }
}

/** @returns whether the attachment is over with it */
async function takeInput({ input }: ClientLine, attachment: Attachment): Promise<boolean> {
  const { record, wanted, signal, parts } = attachment;
  const { tty, openStdin } = record.spec;
  if (input === undefined) return false;
  if (!wanted.stdin || !wanted.stream || !openStdin) {
    // Read all the same: so it is seen when the client goes.
    input.resume();
    return false;
  }
  // Otherwise the process keeps its input for those who attach later, and this client is done.
  const closes = !tty && engineConfig(record.spec)['StdinOnce'] === true;
  try {
    const to = await openStdinOf(attachment, closes);
    if (to === undefined) return false;
    const keys = tty ? { keys: new DetachKeys(wanted.keys) } : {};
    const end = await carryInput({ from: input, to, signal, ...keys });
    await endInput(to, signal);
    if (end === 'broken') input.resume();
    return end === 'detached' || (end === 'ended' && !closes);
  } catch (error) {
    // It may have ended just now; its output says so.
    if (!signal.aborted)
      parts.logger.debug({ err: error, container: record.name }, 'input of a container is not taken');
    input.resume();
    return false;
  }
}

/** Once the guest is there: until then the client's bytes wait in its connection. undefined: the attachment is over. */
async function openStdinOf(
  { record, guests, parts, isAhead, watch, signal }: Attachment,
  closes: boolean,
): Promise<Duplex | undefined> {
  if (signal.aborted) return undefined;
  if (isAhead) {
    await Promise.race([watch.started, once(signal, 'abort')]);
    if (signal.aborted) return undefined;
    const { startedAt = '' } = (await parts.records.read('container', record.name))?.record.run ?? {};
    await guests.state(record.name, { run: startedAt, ms: BOOT_MS }, signal);
  }
  const stdin = await guests.open(record.name, { for: 'stdin', closes }, signal);
  void drain(stdin, signal);
  return stdin;
}

/** What the guest says of it is of no interest; that it goes on saying is. */
async function drain(stdin: Duplex, signal: AbortSignal): Promise<void> {
  try {
    for await (const _ of readPieces(stdin, signal)) void _;
  } catch {
    stdin.destroy();
  }
}

export const containerAttachRoutes: readonly Route[] = [
  {
    method: 'POST',
    path: '/containers/{name}/attach',
    role: 'operator',
    support: { as: 'supported' },
    hijacks: true,
    handler: attach,
  },
  {
    method: 'GET',
    path: '/containers/{name}/attach/ws',
    role: 'operator',
    support: { as: 'supported' },
    hijacks: 'web-socket',
    handler: attachByWebSocket,
  },
];
