import type { ComponentChildren } from 'preact';
import { useEffect, useId, useRef, useState } from 'preact/hooks';
import { newIdempotencyKey, request } from '../api/client.ts';
import type { DeadCount, DeadFilter } from '../api/dead-letter.ts';
import type { Job } from '../api/job.ts';
import { type Problem, problemOfThrown } from '../api/problem.ts';
import { Dialog } from '../ui/dialog.tsx';
import { Loading, ProblemView } from '../ui/problem-view.tsx';
import { formatAge } from '../ui/time.tsx';
import { tell } from '../ui/toast.tsx';

const RATE = { least: 1, most: 500, usual: 20 };
const STOP_AFTER = 10;

interface BulkDialogProps {
  readonly verb: 'redrive' | 'discard';
  /** One bulk job for each. */
  readonly filters: readonly DeadFilter[];
  readonly onClose: () => void;
  readonly onDone: () => void;
}

/** Counts first; then submits the bulk jobs. */
export function BulkDialog({ verb, filters, onClose, onDone }: BulkDialogProps) {
  const [counts, setCounts] = useState<readonly DeadCount[]>();
  const [problem, setProblem] = useState<Problem>();
  const [isRunning, setRunning] = useState(false);
  const [rate, setRate] = useState(RATE.usual);
  const [stopAfter, setStopAfter] = useState(STOP_AFTER);
  const [reason, setReason] = useState('');
  // A repeated press of the button is the same wish.
  const keys = useRef(filters.map(newIdempotencyKey));
  const path = `/v1/dead-letters/${verb}`;
  const options =
    verb === 'redrive' ? { ratePerSecond: rate, stopAfterFailures: stopAfter } : { reason: reason.trim() };

  useEffect(() => {
    const counting = new AbortController();
    void countAll({ path, filters, signal: counting.signal, verb })
      .then(setCounts)
      .catch((error: unknown) => {
        if (!counting.signal.aborted) setProblem(problemOfThrown(error));
      });
    return () => counting.abort();
  }, []);

  const matched = counts?.reduce((sum, count) => sum + count.matched, 0);
  const isReady = matched !== undefined && matched > 0 && !isRunning && (verb === 'redrive' || reason.trim() !== '');

  const submit = async (): Promise<void> => {
    if (!isReady) return;
    setRunning(true);
    setProblem(undefined);
    try {
      for (const [at, filter] of filters.entries()) {
        await request<Job>('POST', path, {
          body: { filter, ...options },
          headers: { 'idempotency-key': keys.current[at] ?? newIdempotencyKey() },
        });
      }
      tell(
        verb === 'redrive'
          ? 'They go back into their lines; this page shows how far it is.'
          : 'They are being discarded.',
      );
      onDone();
    } catch (error) {
      setProblem(problemOfThrown(error));
      setRunning(false);
      keys.current = filters.map(newIdempotencyKey);
    }
  };

  return (
    <Dialog title={verb === 'redrive' ? 'Redrive dead letters' : 'Discard dead letters'} onClose={onClose}>
      <form
        class="stack"
        onSubmit={(event) => {
          event.preventDefault();
          void submit();
        }}
      >
        {counts === undefined && problem === undefined && <Loading />}
        {counts !== undefined && <Counts counts={counts} />}
        {verb === 'redrive' ? (
          <div class="form-pair">
            <NumberField label="At most, a second" value={rate} min={RATE.least} max={RATE.most} onChange={setRate}>
              {matched !== undefined &&
                matched > 0 &&
                `about ${formatAge((matched / Math.max(1, rate)) * 1_000 + 500)} in all`}
            </NumberField>
            <NumberField
              label="Stop when so many are dead again"
              value={stopAfter}
              min={1}
              max={1_000_000}
              onChange={setStopAfter}
            >
              counted over all that this redrive put back
            </NumberField>
          </div>
        ) : (
          <>
            <p>They become failed jobs and cannot be redriven any more. What they left half done stays as it is.</p>
            <ReasonField value={reason} onChange={setReason} />
          </>
        )}
        {problem !== undefined && <ProblemView problem={problem} />}
        <div class="row end">
          <button type="button" class="button" onClick={onClose}>
            Leave them
          </button>
          <button type="submit" class={`button primary${verb === 'discard' ? ' danger' : ''}`} disabled={!isReady}>
            {isRunning
              ? 'Working…'
              : `${verb === 'redrive' ? 'Redrive' : 'Discard'} ${matched?.toLocaleString('en') ?? ''}`}
          </button>
        </div>
      </form>
    </Dialog>
  );
}

interface Counting {
  readonly path: string;
  readonly filters: readonly DeadFilter[];
  readonly verb: 'redrive' | 'discard';
  readonly signal: AbortSignal;
}

async function countAll({ path, filters, verb, signal }: Counting): Promise<readonly DeadCount[]> {
  // A dry run of a discard wants a reason as well.
  const more = verb === 'discard' ? { reason: 'counting' } : {};
  return await Promise.all(
    filters.map(
      async (filter) =>
        (await request<DeadCount>('POST', path, { body: { filter, dryRun: true, ...more }, signal })).body,
    ),
  );
}

/** What would be taken, before anything is. */
function Counts({ counts }: { readonly counts: readonly DeadCount[] }) {
  const byKind = counts.flatMap((count) => count.byKind).filter(({ count }) => count > 0);
  const matched = counts.reduce((sum, count) => sum + count.matched, 0);
  if (matched === 0) return <p>None is there any more.</p>;
  return (
    <div role="status">
      <p>
        <span class="big-number">{matched.toLocaleString('en')}</span> dead letters. What dies from now on is left
        alone.
      </p>
      <p class="muted">{byKind.map(({ kind, count }) => `${kind} ${count.toLocaleString('en')}`).join(', ')}</p>
    </div>
  );
}

interface NumberFieldProps {
  readonly label: string;
  readonly value: number;
  readonly min: number;
  readonly max: number;
  readonly onChange: (value: number) => void;
  readonly children: ComponentChildren;
}

function NumberField({ label, value, min, max, onChange, children }: NumberFieldProps) {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <input
        id={id}
        class="input"
        type="number"
        min={min}
        max={max}
        required
        value={value}
        onInput={(event) => onChange(event.currentTarget.valueAsNumber || min)}
        aria-describedby={`${id}-hint`}
      />
      <p id={`${id}-hint`} class="hint">
        {children}
      </p>
    </div>
  );
}

function ReasonField({ value, onChange }: { readonly value: string; readonly onChange: (value: string) => void }) {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>Why? (kept with each job)</label>
      <input
        id={id}
        class="input"
        required
        maxLength={1_000}
        autoComplete="off"
        value={value}
        onInput={(event) => onChange(event.currentTarget.value)}
      />
    </div>
  );
}
