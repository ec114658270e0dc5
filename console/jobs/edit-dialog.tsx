import { useRef, useState } from 'preact/hooks';
import { newIdempotencyKey, request } from '../api/client.ts';
import type { Job } from '../api/job.ts';
import { Problem, type ProblemField, problemOfThrown } from '../api/problem.ts';
import { Dialog } from '../ui/dialog.tsx';
import { ProblemView } from '../ui/problem-view.tsx';
import { tell } from '../ui/toast.tsx';
import { placeOf } from './pointer-place.ts';

interface EditDialogProps {
  readonly job: Job;
  readonly onClose: () => void;
  /** With the job that takes the place of the dead letter. */
  readonly onDone: (next: Job) => void;
}

/** A dead letter's payload, to be corrected and submitted again in its place. */
export function EditDialog({ job, onClose, onDone }: EditDialogProps) {
  const [text, setText] = useState(() => JSON.stringify(job.payload, null, 2));
  const [problem, setProblem] = useState<Problem>();
  const [isRunning, setRunning] = useState(false);
  const area = useRef<HTMLTextAreaElement>(null);
  const key = useRef(newIdempotencyKey());

  const submit = async (): Promise<void> => {
    setProblem(undefined);
    setRunning(true);
    try {
      const payload = parsePayload(text);
      const { body } = await request<Job>('POST', `/v1/jobs/${job.id}/redrive`, {
        body: { payload },
        headers: { 'idempotency-key': key.current },
      });
      tell('The edited job is submitted in place of the dead letter.');
      onDone(body);
    } catch (error) {
      setProblem(problemOfThrown(error));
      setRunning(false);
      key.current = newIdempotencyKey();
    }
  };

  return (
    <Dialog title={`Edit the payload of ${job.kind}`} isWide onClose={onClose}>
      <form
        class="stack"
        onSubmit={(event) => {
          event.preventDefault();
          void submit();
        }}
      >
        <p>A new job with this payload is submitted, and this dead letter is closed with its id.</p>
        <div class="field">
          <label for="payload">Payload (JSON)</label>
          <textarea
            id="payload"
            ref={area}
            class="input"
            rows={Math.min(24, Math.max(8, text.split('\n').length + 1))}
            spellcheck={false}
            value={text}
            aria-invalid={problem !== undefined}
            onInput={(event) => setText(event.currentTarget.value)}
          />
        </div>
        {problem !== undefined && <ProblemView problem={problem} />}
        <Pointers
          fields={problem?.document.errors ?? []}
          onChoose={(pointer) => {
            const [from, to] = placeOf(text, pointer);
            area.current?.focus();
            area.current?.setSelectionRange(from, to);
          }}
        />
        <div class="row end">
          <button type="button" class="button" onClick={onClose}>
            Leave it
          </button>
          <button type="submit" class="button primary" disabled={isRunning}>
            {isRunning ? 'Working…' : 'Redrive with this payload'}
          </button>
        </div>
      </form>
    </Dialog>
  );
}

function Pointers({
  fields,
  onChoose,
}: {
  readonly fields: readonly ProblemField[];
  readonly onChoose: (pointer: string) => void;
}) {
  const pointers = [...new Set(fields.flatMap(({ pointer }) => pointer ?? []))].filter((pointer) => pointer !== '');
  if (pointers.length === 0) return null;
  return (
    <div class="row">
      {pointers.map((pointer) => (
        <button key={pointer} type="button" class="button" onClick={() => onChoose(pointer)}>
          Show <code>{pointer}</code>
        </button>
      ))}
    </div>
  );
}

/** @throws Problem with where the text stops being JSON */
function parsePayload(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Problem({
      title: 'This is not JSON',
      status: 400,
      code: 'not-json',
      detail: error instanceof Error ? error.message : String(error),
    });
  }
}
