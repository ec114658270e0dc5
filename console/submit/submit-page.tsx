import './submit-page.css';
import { useEffect, useId, useRef, useState } from 'preact/hooks';
import { useLocation } from 'preact-iso/router';
import { newIdempotencyKey, request } from '../api/client.ts';
import type { Job } from '../api/job.ts';
import type { Kind } from '../api/kind.ts';
import { type Problem, problemOfThrown } from '../api/problem.ts';
import { useQuery } from '../live/query.ts';
import { hasRole } from '../session/session.ts';
import { Page, Panel } from '../ui/page.tsx';
import { Empty, Loading, ProblemView } from '../ui/problem-view.tsx';
import { tell } from '../ui/toast.tsx';
import { FieldInput } from './field-input.tsx';
import { faultsByField, fieldsOf, payloadOf } from './payload.ts';

/** A job of any kind, by a form of its schema. The query says which kind, and may fill fields in: `?kind=volume.attach&volume=demo_vol`. */
export function SubmitPage() {
  const { query, route, path } = useLocation();
  const kinds = useQuery<{ readonly items: readonly Kind[] }>('/v1/kinds');
  const id = useId();
  const possible = (kinds.data?.items ?? []).filter(({ role }) => hasRole(role));
  const kind = possible.find((each) => each.kind === query['kind']);
  return (
    <Page title="Submit a job" parent={{ href: '/console/jobs', title: 'Jobs' }}>
      {kinds.problem !== undefined && <ProblemView problem={kinds.problem} onRetry={kinds.refetch} />}
      {kinds.data === undefined && kinds.problem === undefined && <Loading />}
      {kinds.data !== undefined && !hasRole('operator') && (
        <Empty title="Viewers submit no jobs">
          <p>It needs the role operator.</p>
        </Empty>
      )}
      {kinds.data !== undefined && hasRole('operator') && (
        <div class="submit-form stack">
          <div class="field">
            <label for={id}>Kind</label>
            <select
              id={id}
              class="input"
              value={kind?.kind ?? ''}
              onChange={(event) => route(`${path}?kind=${encodeURIComponent(event.currentTarget.value)}`, true)}
            >
              <option value="">Choose what is to be done</option>
              {possible.map((each) => (
                <option key={each.kind} value={each.kind}>
                  {each.kind}
                </option>
              ))}
            </select>
            {kind !== undefined && <p class="hint">{kind.summary}</p>}
          </div>
          {kind !== undefined && <KindForm key={kind.kind} kind={kind} given={query} />}
        </div>
      )}
    </Page>
  );
}

interface KindFormProps {
  readonly kind: Kind;
  /** Of the URL: what fields begin with. */
  readonly given: Readonly<Record<string, string>>;
}

function KindForm({ kind, given }: KindFormProps) {
  const { route } = useLocation();
  const fields = fieldsOf(kind.payload);
  const [texts, setTexts] = useState<Readonly<Record<string, string>>>(given);
  const [faults, setFaults] = useState<Readonly<Record<string, string>>>({});
  const [problem, setProblem] = useState<Problem>();
  const [isRunning, setRunning] = useState(false);
  const key = useRef(newIdempotencyKey());
  const form = useRef<HTMLFormElement>(null);

  // The first field at fault is where one goes on.
  useEffect(() => {
    if (Object.keys(faults).length > 0) form.current?.querySelector<HTMLElement>('[aria-invalid=true]')?.focus();
  }, [faults]);

  const submit = async (): Promise<void> => {
    const written = payloadOf(fields, texts);
    setProblem(undefined);
    setFaults('faults' in written ? written.faults : {});
    if ('faults' in written) return;
    setRunning(true);
    try {
      const { body, headers } = await request<Job>('POST', '/v1/jobs', {
        body: { kind: kind.kind, payload: written.payload },
        headers: { 'idempotency-key': key.current },
      });
      if (headers.get('stowage-outcome') === 'joined')
        tell('A job that does the same is under way already: this is it.');
      route(`/console/jobs/${body.id}`);
    } catch (error) {
      const found = problemOfThrown(error);
      setProblem(found);
      setFaults(faultsByField(fields, found.document.errors ?? []));
      setRunning(false);
      key.current = newIdempotencyKey();
    }
  };

  return (
    <Panel title={kind.kind}>
      <form
        ref={form}
        class="stack"
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          void submit();
        }}
      >
        <div class="fields">
          {fields.map((field) => (
            <FieldInput
              key={field.name}
              field={field}
              value={texts[field.name] ?? ''}
              fault={faults[field.name]}
              onChange={(text) => setTexts((before) => ({ ...before, [field.name]: text }))}
            />
          ))}
        </div>
        {fields.length === 0 && <p class="muted">It needs nothing more.</p>}
        {problem !== undefined && <ProblemView problem={problem} />}
        <div class="row end">
          <button type="submit" class="button primary" disabled={isRunning}>
            {isRunning ? 'Submitting…' : 'Submit'}
          </button>
        </div>
      </form>
    </Panel>
  );
}
