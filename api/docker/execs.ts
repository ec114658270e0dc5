import { z } from 'zod';
import { isErrorCode, StowageError } from '../../core/errors.ts';
import type { Exec, ExecRecord } from '../../core/exec.ts';
import type { JsonObject } from '../../core/job.ts';
import { type Answer, empty, json } from './answer.ts';
import { textMember } from './body.ts';
import { findInside, guestsOf, requireRunning } from './container-guest.ts';
import { parseDetachKeys } from './detach-keys.ts';
import { tellOfExec } from './exec-events.ts';
import { startExec } from './exec-start.ts';
import type { Call, DockerParts, Route } from './parts.ts';
import { consoleSizeOf, terminalSizeOf } from './terminal-size.ts';
import { setTimeout as sleep } from 'node:timers/promises';

const ID_BYTES = 32;
/** A client resizes the terminal of an exec right after it asked for its start. */
const RESIZE_TRIES = 100;
const RESIZE_AGAIN_MS = 20;

const flag = z
  .boolean()
  .nullish()
  .transform((value) => value === true);
const words = z
  .array(z.string())
  .nullish()
  .transform((list) => list ?? []);

const createSchema = z.object({
  AttachStdin: flag,
  AttachStdout: flag,
  AttachStderr: flag,
  Tty: flag,
  Privileged: flag,
  Cmd: words,
  Env: words,
  User: textMember,
  WorkingDir: textMember,
  DetachKeys: textMember,
  ConsoleSize: z.unknown().optional(),
});

async function create(call: Call, parts: DockerParts): Promise<Answer> {
  const { record } = await findInside(call, parts, 'running a command in a container');
  const body = createSchema.safeParse((await call.readJson()) ?? {});
  if (!body.success) throw new StowageError('request-invalid', `invalid JSON: ${z.prettifyError(body.error)}`);
  const { data } = body;
  if (data.Cmd.length === 0) throw new StowageError('request-invalid', 'No exec command specified');
  parseDetachKeys(data.DetachKeys);
  requireRunning(record, 'exec');
  const terminal = consoleSizeOf(data.ConsoleSize);
  const exec: ExecRecord = {
    id: Buffer.from(parts.randomBytes(ID_BYTES)).toString('hex'),
    container: record.name,
    run: record.run.startedAt ?? '',
    argv: data.Cmd,
    env: data.Env,
    user: data.User,
    workingDir: data.WorkingDir,
    privileged: data.Privileged,
    tty: data.Tty,
    attach: { stdin: data.AttachStdin, stdout: data.AttachStdout, stderr: data.AttachStderr },
    detachKeys: data.DetachKeys,
    ...(terminal === undefined ? {} : { terminal }),
  };
  await parts.execs.create(exec);
  await tellOfExec(parts, exec, { type: 'container.exec-created' });
  return json({ Id: exec.id }, 201);
}

/** @throws `exec-not-found` with dockerd's text */
async function findExec({ names }: Call, { execs }: DockerParts): Promise<Exec> {
  const id = names['id'] ?? '';
  const exec = await execs.read(id);
  if (exec !== undefined) return exec;
  throw new StowageError('exec-not-found', `No such exec instance: ${id}`);
}

async function inspect(call: Call, parts: DockerParts): Promise<Answer> {
  const { record, progress } = await findExec(call, parts);
  const [entrypoint = '', ...args] = record.argv;
  return json({
    ID: record.id,
    Running: progress.state === 'running' && (await isStillItsRun(record, parts)),
    ExitCode: progress.state === 'over' ? progress.exitCode : null,
    ProcessConfig: {
      tty: record.tty,
      entrypoint,
      arguments: args,
      privileged: record.privileged,
      ...(record.user === '' ? {} : { user: record.user }),
    },
    OpenStdin: record.attach.stdin,
    OpenStderr: record.attach.stderr,
    OpenStdout: record.attach.stdout,
    CanRemove: progress.state === 'over',
    ContainerID: record.container,
    DetachKeys: record.detachKeys === '' ? '' : parseDetachKeys(record.detachKeys).toString('base64'),
    Pid: progress.state === 'created' ? 0 : (progress.pid ?? 0),
  });
}

/** Nothing outlives the run that it was started in, whoever watched it. */
async function isStillItsRun({ container, run }: ExecRecord, { records }: DockerParts): Promise<boolean> {
  return (await records.read('container', container))?.record.run.startedAt === run;
}

async function start(call: Call, parts: DockerParts): Promise<Answer> {
  const body = await call.readJson();
  const exec = await findExec(call, parts);
  return await startExec(call, parts, { exec, guests: guestsOf(parts, 'running a command in a container'), body });
}

async function resize(call: Call, parts: DockerParts): Promise<Answer> {
  const exec = await findExec(call, parts);
  const guests = guestsOf(parts, 'resizing a terminal');
  const size = terminalSizeOf(call.query);
  if (size === undefined) return empty(200);
  const params: JsonObject = { exec: exec.record.id, ...size };
  for (let tries = 0; tries < RESIZE_TRIES && !call.signal.aborted; tries += 1) {
    try {
      await guests.call(exec.record.container, 'resize', params, call.signal);
      break;
    } catch (error) {
      // It is just being started.
      if (!isErrorCode(error, 'guest-path-not-found', 'guest-conflict', 'guest-unreachable')) throw error;
    }
    if ((await findExec(call, parts)).progress.state === 'over') break;
    await sleep(RESIZE_AGAIN_MS, undefined, { signal: call.signal });
  }
  return empty(200);
}

const supported = { as: 'supported' } as const;

export const execRoutes: readonly Route[] = [
  { method: 'POST', path: '/containers/{name}/exec', role: 'operator', support: supported, handler: create },
  { method: 'POST', path: '/exec/{id}/start', role: 'operator', support: supported, hijacks: true, handler: start },
  { method: 'POST', path: '/exec/{id}/resize', role: 'operator', support: supported, handler: resize },
  { method: 'GET', path: '/exec/{id}/json', role: 'viewer', support: supported, handler: inspect },
];
