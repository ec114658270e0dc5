import type { JobId } from '../core/ids.ts';
import type { Json, JsonObject } from '../core/job.ts';
import type { TrailEntry, Trails } from '../core/ports/trail.ts';
import type { Witness, WitnessedCall } from '../platform/witness.ts';

const WRITE_MS = 1_000;
const HELD_AT_ONCE = 200;
const MAX_DATA = 2_000;
const MAX_NAME = 500;
const QUIET_LINE = /^\{"level":"(debug|trace)"/;
/** Of a line: what the entry says otherwise, or the job does. */
const KNOWN_MEMBERS: ReadonlySet<string> = new Set([
  'level',
  'time',
  'pid',
  'hostname',
  'name',
  'msg',
  'job',
  'kind',
  'trace_id',
  'span_id',
]);

/** Of one attempt: keeps what it calls and logs, and writes it once a second and at its end. An attempt that does neither writes nothing. */
export class AttemptTrail implements Witness {
  readonly #trails: Trails;
  readonly #job: JobId;
  readonly #attempt: number;
  readonly #nowMs: () => number;
  #held: TrailEntry[] = [];
  #timer: NodeJS.Timeout | undefined;
  #isOver = false;
  /** Tells the step that is under way. */
  stepNow: () => string | undefined = () => undefined;

  constructor(trails: Trails, of: { readonly job: JobId; readonly attempt: number; readonly nowMs: () => number }) {
    this.#trails = trails;
    this.#job = of.job;
    this.#attempt = of.attempt;
    this.#nowMs = of.nowMs;
  }

  call({ name, durationMs, outcome, facts }: WitnessedCall): void {
    if (this.#isOver) return;
    const at = new Date(this.#nowMs() - durationMs).toISOString();
    this.#keep({ at, type: 'call', name, durationMs: Math.round(durationMs * 10) / 10, data: { outcome, ...facts } });
  }

  line(json: string): void {
    if (this.#isOver || QUIET_LINE.test(json)) return;
    const { level, msg, ...rest } = JSON.parse(json) as { readonly [name: string]: Json };
    const data = dataOf(rest);
    const name = typeof msg === 'string' ? msg.slice(0, MAX_NAME) : '';
    const at = new Date(this.#nowMs()).toISOString();
    this.#keep({
      at,
      type: 'log',
      name,
      level: typeof level === 'string' ? level : 'info',
      ...(data === undefined ? {} : { data }),
    });
  }

  /** What comes later, from what the attempt left behind, is no part of it. */
  close(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#write();
    // Whatever still has this context would otherwise keep the whole attempt in memory.
    this.stepNow = () => undefined;
  }

  #keep(entry: Omit<TrailEntry, 'attempt' | 'step'>): void {
    const step = this.stepNow();
    this.#held.push({ ...entry, attempt: this.#attempt, ...(step === undefined ? {} : { step }) });
    if (this.#held.length >= HELD_AT_ONCE) this.#write();
    else this.#timer ??= setTimeout(() => this.#write(), WRITE_MS).unref();
  }

  #write(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const held = this.#held;
    this.#held = [];
    if (held.length > 0) this.#trails.add(this.#job, held);
  }
}

function dataOf(line: JsonObject): JsonObject | undefined {
  const members = Object.entries(line).filter(([name]) => !KNOWN_MEMBERS.has(name));
  if (members.length === 0) return undefined;
  const data = Object.fromEntries(members.map(([name, value]) => [name, name === 'err' ? errorOf(value) : value]));
  return JSON.stringify(data).length > MAX_DATA ? { tooLong: true } : data;
}

/** The stack is in the log. */
function errorOf(value: Json): Json {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  const { stack: _, ...rest } = value as JsonObject;
  return rest;
}
