import type { Attempt, Job, Span, Step, TrailItem } from '../api/job.ts';
import type { Tone } from '../ui/badge.tsx';

/** One line of the waterfall. Times are milliseconds of the clock. */
export interface Bar {
  readonly id: string;
  readonly depth: number;
  readonly type: 'line' | 'attempt' | 'step' | 'task' | 'call';
  readonly label: string;
  /** How it ended, or that it goes on. */
  readonly state: string;
  readonly startMs: number;
  /** Undefined: it goes on. */
  readonly endMs: number | undefined;
  readonly tone: Tone;
  /** 0 to 100, of the Task for which a step waits. */
  readonly progress?: number;
}

export interface Waterfall {
  readonly startMs: number;
  readonly endMs: number;
  readonly bars: readonly Bar[];
}

interface Time {
  readonly startMs: number;
  readonly endMs: number | undefined;
}

/**
 * Attempts, in them the steps, in those the Tasks and calls of vCenter, all on one axis of time. Tasks and calls come from the trail
 * as far as it was kept; without it, Tasks come from the job's own steps.
 */
export function waterfallOf(job: Job, trail: readonly TrailItem[], nowMs: number): Waterfall {
  const startMs = Date.parse(job.createdAt);
  const bars: Bar[] = [lineBar(job, startMs)];
  for (const [at, attempt] of job.attempts.entries()) {
    const own = timeOf(attempt) ?? { startMs, endMs: undefined };
    const next = job.attempts[at + 1]?.startedAt;
    const untilMs = next === undefined ? Number.POSITIVE_INFINITY : Date.parse(next);
    bars.push(attemptBar(attempt, own), ...stepBars({ job, trail, attempt, own, untilMs }));
  }
  const last = Math.max(...bars.map(({ startMs: start, endMs }) => endMs ?? Math.max(start, nowMs)));
  return { startMs, endMs: Math.max(last, startMs + 1), bars };
}

/** From its submission to its first attempt it stood in line. */
function lineBar(job: Job, startMs: number): Bar {
  const begun = job.attempts[0]?.startedAt ?? job.startedAt ?? job.finishedAt ?? undefined;
  const endMs = begun === undefined ? undefined : Date.parse(begun);
  return {
    id: 'line',
    depth: 0,
    type: 'line',
    label: 'in line',
    state: endMs === undefined ? 'waiting' : 'done',
    startMs,
    endMs,
    tone: 'quiet',
  };
}

function attemptBar(attempt: Attempt, time: Time): Bar {
  return {
    id: `attempt ${attempt.number}`,
    depth: 0,
    type: 'attempt',
    label: `attempt ${attempt.number}`,
    state: attempt.outcome,
    ...time,
    tone: attemptTone(attempt.outcome),
  };
}

function attemptTone(outcome: string): Tone {
  if (outcome === 'succeeded') return 'good';
  if (outcome === 'running') return 'busy';
  if (outcome === 'dead') return 'bad';
  return outcome === 'retry' || outcome === 'lost' ? 'warn' : 'quiet';
}

interface AttemptPart {
  readonly job: Job;
  readonly trail: readonly TrailItem[];
  readonly attempt: Attempt;
  readonly own: Time;
  /** When the next attempt began. */
  readonly untilMs: number;
}

/** The steps of an attempt with what they called; and what it called outside of any step. */
function stepBars({ job, trail, attempt, own, untilMs }: AttemptPart): readonly Bar[] {
  const isWithin = ({ startMs }: Time): boolean => startMs >= own.startMs && startMs < untilMs;
  const calls = trail.filter((item) => item.type === 'call' && item.attempt === attempt.number);
  const steps = job.steps.flatMap((step) => {
    const part: StepPart = { step, attempt, isWithin, own };
    const inner = [...taskBars(part), ...callBars(calls, attempt, step.name)].sort((a, b) => a.startMs - b.startMs);
    const time = stepTime(part, inner);
    return time === undefined ? [] : [stepBar(part, time), ...inner];
  });
  return [...callBars(calls, attempt, undefined), ...steps];
}

interface StepPart {
  readonly step: Step;
  readonly attempt: Attempt;
  /** Whether something began in this attempt. */
  readonly isWithin: (time: Time) => boolean;
  readonly own: Time;
}

function taskBars({ step, attempt, isWithin }: StepPart): readonly Bar[] {
  return step.tasks.flatMap((task): readonly Bar[] => {
    const time = timeOf(task);
    if (time === undefined || !isWithin(time)) return [];
    const state = task.outcome ?? 'running';
    const tone: Tone = state === 'success' ? 'good' : state === 'error' ? 'bad' : 'busy';
    const id = `${attempt.number} ${step.name} ${task.ref}`;
    return [{ id, depth: 2, type: 'task', label: `${task.method} ${task.ref}`, state, ...time, tone }];
  });
}

function callBars(calls: readonly TrailItem[], attempt: Attempt, step: string | undefined): readonly Bar[] {
  return calls
    .filter((call) => call.step === step)
    .map((call, at): Bar => {
      const startMs = Date.parse(call.at);
      const outcome = call.data?.['outcome'];
      const hasFailed = typeof outcome === 'string' && outcome !== 'ok';
      return {
        id: `${attempt.number} ${step ?? ''} call ${at}`,
        depth: step === undefined ? 1 : 2,
        type: 'call',
        label: call.name,
        state: hasFailed ? outcome : 'done',
        startMs,
        endMs: startMs + (call.durationMs ?? 0),
        tone: hasFailed ? 'warn' : 'quiet',
      };
    });
}

/** Where a step stands within one attempt. A step that several attempts have begun is known by its last times only, and by what it called. */
function stepTime({ step, attempt, isWithin, own }: StepPart, inner: readonly Bar[]): Time | undefined {
  const known = timeOf(step);
  const endedAt = known?.endMs;
  const endsHere = endedAt !== undefined && isWithin({ startMs: endedAt, endMs: undefined });
  if (known !== undefined && isWithin(known)) {
    // A step that waits for other jobs goes on while no attempt is under way.
    const endMs = endsHere || attempt.outcome === 'awaiting' ? (endedAt ?? own.endMs) : own.endMs;
    return { startMs: known.startMs, endMs };
  }
  const first = inner[0];
  if (first === undefined && !endsHere && attempt.step !== step.name) return undefined;
  return { startMs: first?.startMs ?? own.startMs, endMs: endsHere ? endedAt : own.endMs };
}

function stepBar({ step, attempt }: StepPart, time: Time): Bar {
  const hasFailed = attempt.step === step.name && attempt.error !== undefined;
  const state = hasFailed ? 'failed' : time.endMs === undefined ? 'running' : step.state;
  const tone: Tone = hasFailed ? 'bad' : state === 'running' ? 'busy' : state === 'done' ? 'good' : 'quiet';
  const progress = state === 'running' && step.progress !== undefined ? { progress: step.progress } : {};
  return {
    id: `${attempt.number} ${step.name}`,
    depth: 1,
    type: 'step',
    label: step.name,
    state,
    ...time,
    tone,
    ...progress,
  };
}

function timeOf({ startedAt, finishedAt }: Span): Time | undefined {
  if (startedAt === undefined) return undefined;
  return { startMs: Date.parse(startedAt), endMs: finishedAt === undefined ? undefined : Date.parse(finishedAt) };
}
