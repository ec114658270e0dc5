import type { Io } from './io.ts';
import { isOver, type JobDocument, nameOf } from './job.ts';
import { createEstimate } from './estimate.ts';
import { createPaint } from './output/style.ts';
import { durationWords, oneLine, sizeWords } from './output/words.ts';

// The line that shows how far a job is while somebody waits for it.

const FRAMES = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];
const FRAME_MS = 100;
const BAR = 20;
const LEAST_BAR = 5;

export interface WatchLine {
  show(job: JobDocument, children: readonly JobDocument[]): void;
  clear(): void;
}

interface Stage {
  readonly phase: string;
  readonly current?: number;
  readonly total?: number;
  /** The numbers are bytes. */
  readonly isBytes?: boolean;
  readonly isPercent?: boolean;
}

/** On a terminal a line that moves; elsewhere a line for each new stage of a job that takes a while, for logs. */
export function createWatchLine(io: Io, { isSilent }: { readonly isSilent: boolean }): WatchLine {
  if (isSilent) return { show: () => undefined, clear: () => undefined };
  return io.isErrTerminal ? movingLine(io) : plainLines(io);
}

function plainLines(io: Io): WatchLine {
  let last: string | undefined;
  return {
    show(job, children) {
      const stage = stageOf(job, children);
      const text = `${nameOf(job)}: ${stage.phase}`;
      if (last !== undefined && text !== last && !isOver(job)) io.writeErr(`${oneLine(text)}\n`);
      last = text;
    },
    clear: () => undefined,
  };
}

function movingLine(io: Io): WatchLine {
  const paint = createPaint(true, io.env);
  const estimate = createEstimate();
  const startMs = io.nowMs();
  let what = '';
  let stage: Stage = { phase: '' };
  let frame = 0;
  let remains: { readonly ms: number; readonly atMs: number } | undefined;
  const draw = (): void => {
    frame += 1;
    const nowMs = io.nowMs();
    const left = remains === undefined ? undefined : Math.max(0, remains.ms - (nowMs - remains.atMs));
    const times = `${seconds(nowMs - startMs)}${left === undefined ? '' : `, about ${seconds(left)} left`}`;
    const shown = fitted(what, stage, io.errColumns() - times.length - 6);
    io.writeErr(`\r\u001b[K${paint('blue', FRAMES[frame % FRAMES.length] ?? '')} ${shown}  ${paint('dim', times)}`);
  };
  const timer = setInterval(draw, FRAME_MS);
  timer.unref();
  return {
    show(job, children) {
      stage = stageOf(job, children);
      const { phase, current, total } = stage;
      // A stage that tells no number yet is at its beginning.
      const ms = estimate.note(phase, current ?? 0, total ?? 1, io.nowMs());
      remains = ms === undefined || total === undefined ? undefined : { ms, atMs: io.nowMs() };
      what = oneLine(`${nameOf(job)}  ${phase}`);
      draw();
    },
    clear() {
      clearInterval(timer);
      io.writeErr('\r\u001b[K');
    },
  };
}

/** Whole ones: what changes ten times a second is not read. */
function seconds(ms: number): string {
  const whole = Math.ceil(ms / 1_000);
  return whole < 60 ? `${whole} s` : durationWords(whole * 1_000);
}

/** What it is at, with as much of a bar as there is room for; the numbers matter more. */
export function fitted(what: string, { current, total, isBytes, isPercent }: Stage, room: number): string {
  const words = (value: number): string => (isBytes === true ? sizeWords(value) : value.toLocaleString('en-US'));
  if (current === undefined || (total === undefined && current === 0)) return cut(what, room);
  if (total === undefined || total <= 0) return cut(`${what}  ${words(current)}`, room);
  const share = Math.min(1, Math.max(0, current / total));
  const amounts = isPercent === true ? '' : `  ${words(current)} of ${words(total)}`;
  const numbers = `${Math.floor(share * 100)} %${amounts}`;
  const size = Math.min(BAR, room - what.length - numbers.length - 3);
  if (size < LEAST_BAR) return `${cut(what, room - numbers.length - 2)}  ${numbers}`;
  const full = Math.round(share * size);
  return `${what}  ${'█'.repeat(full)}${'░'.repeat(size - full)} ${numbers}`;
}

function cut(text: string, room: number): string {
  return text.length <= room ? text : `${text.slice(0, Math.max(0, room - 1))}…`;
}

/** What a job is at, in a few words, with how far it is where it says so. */
export function stageOf(job: JobDocument, children: readonly JobDocument[]): Stage {
  if (isOver(job)) return { phase: job.state };
  const own = progressOf(job);
  if (own !== undefined) return own;
  const ofChildren = sumOf(children);
  if (ofChildren !== undefined) return ofChildren;
  const behind = job.waitingBehind?.[0];
  if (behind !== undefined)
    return { phase: `waits behind job ${behind.job} on ${behind.resource} (${behind.ahead} ahead)` };
  const lastError = job.attempts.at(-1)?.error;
  if (job.state === 'waiting' && job.retryAt !== undefined && lastError !== undefined) {
    return { phase: `attempt ${job.attempts.length} failed (${lastError.message}); the next follows` };
  }
  if (job.state === 'waiting') return { phase: job.attempts.length === 0 ? 'waits for a worker' : 'waits' };
  const step = job.steps.find(({ state }) => state === 'running');
  if (step === undefined) return { phase: 'running' };
  const tries = step.begun > 1 ? `, try ${step.begun}` : '';
  if (step.progress === undefined) return { phase: `${step.name}${tries}` };
  return { phase: `${step.name}${tries}`, current: step.progress, total: 100, isPercent: true };
}

function progressOf(job: JobDocument): Stage | undefined {
  const { progress, kind } = job;
  if (progress === undefined) return undefined;
  const { phase, current, total } = progress;
  return { phase, current, ...(total === undefined ? {} : { total }), isBytes: kind.startsWith('layer.') };
}

/** Layers of an image: what they have together. */
function sumOf(children: readonly JobDocument[]): Stage | undefined {
  const over = children.filter(isOver).length;
  const stages = children.filter((each) => !isOver(each)).flatMap((each) => progressOf(each) ?? []);
  if (children.length === 0) return undefined;
  const phase = `${over} of ${children.length} ${children[0]?.kind ?? 'job'} done${stages[0] === undefined ? '' : `, ${stages[0].phase}`}`;
  if (stages.length === 0 || stages.some(({ total }) => total === undefined)) return { phase };
  return {
    phase,
    current: stages.reduce((sum, { current = 0 }) => sum + current, 0),
    total: stages.reduce((sum, { total = 0 }) => sum + total, 0),
    isBytes: true,
  };
}
