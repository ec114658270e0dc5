import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import { type Problem, problemOfThrown } from '../api/problem.ts';
import { Dialog } from './dialog.tsx';
import { ProblemView } from './problem-view.tsx';

interface FormDialogProps {
  readonly title: string;
  /** On the button that does it. */
  readonly word: string;
  readonly isWide?: boolean;
  readonly isDanger?: boolean;
  /** Whether all that it needs is there. */
  readonly isReady?: boolean;
  /** The dialog stays, with the reason, when it is refused; otherwise `run` sees to its end. */
  readonly run: () => Promise<void>;
  readonly onClose: () => void;
  readonly children: ComponentChildren;
}

/** A form that does something, and says so when that is refused. */
export function FormDialog(props: FormDialogProps) {
  const { title, word, isWide = false, isDanger = false, isReady = true, run, onClose, children } = props;
  const [problem, setProblem] = useState<Problem>();
  const [isRunning, setRunning] = useState(false);
  const submit = async (): Promise<void> => {
    if (isRunning || !isReady) return;
    setRunning(true);
    setProblem(undefined);
    try {
      await run();
    } catch (error) {
      setProblem(problemOfThrown(error));
      setRunning(false);
    }
  };
  return (
    <Dialog title={title} isWide={isWide} onClose={onClose}>
      <form
        class="stack"
        onSubmit={(event) => {
          event.preventDefault();
          void submit();
        }}
      >
        {children}
        {problem !== undefined && <ProblemView problem={problem} />}
        <div class="row end">
          <button type="button" class="button" onClick={onClose}>
            Leave it
          </button>
          <button type="submit" class={`button primary${isDanger ? ' danger' : ''}`} disabled={isRunning || !isReady}>
            {isRunning ? 'Working…' : word}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
