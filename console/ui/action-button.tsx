import type { ComponentChildren } from 'preact';
import { useId, useState } from 'preact/hooks';
import { type Problem, problemOfThrown } from '../api/problem.ts';
import { hasRole, type Role, sessionView } from '../session/session.ts';
import { FormDialog } from './form-dialog.tsx';
import { Icon, type IconName } from './icon.tsx';
import { tell } from './toast.tsx';

interface ActionButtonProps {
  readonly label: string;
  readonly icon?: IconName;
  /** The least role that may do it. Others see the button, and why it is not for them. */
  readonly needs?: Role;
  /** Why it cannot be done now, whoever asks. */
  readonly unless?: string | undefined;
  readonly isPrimary?: boolean;
  readonly isDanger?: boolean;
  /** What is asked first. Whatever destroys asks. */
  readonly confirm?: {
    readonly title: string;
    readonly body: ComponentChildren;
    /** On the button that does it; the label otherwise. */
    readonly word?: string;
    /** A text that is asked for: a reason. */
    readonly reason?: string;
  };
  /** @returns what to say when it is done */
  readonly run: (reason: string) => Promise<ComponentChildren>;
}

/** A button that does something to the world: for those who may, after asking, and with an end that is told. */
export function ActionButton(props: ActionButtonProps) {
  const { label, icon, needs = 'operator', unless, isPrimary = false, isDanger = false, confirm, run } = props;
  const [isAsking, setAsking] = useState(false);
  const [isRunning, setRunning] = useState(false);
  const reasonId = useId();
  const obstacle = hasRole(needs) ? unless : `Needs the role ${needs}; yours is ${sessionView.value?.role ?? 'none'}.`;

  const runNow = async (): Promise<void> => {
    setRunning(true);
    try {
      const words = await run('');
      if (words !== undefined && words !== null) tell(words);
    } catch (error) {
      tell(explain(problemOfThrown(error)), { isBad: true });
    } finally {
      setRunning(false);
    }
  };

  const onClick = (): void => {
    if (obstacle !== undefined || isRunning) return;
    if (confirm === undefined) void runNow();
    else setAsking(true);
  };

  return (
    <>
      <button
        type="button"
        class={`button${isPrimary ? ' primary' : ''}${isDanger ? ' danger' : ''}`}
        aria-disabled={obstacle !== undefined || isRunning}
        aria-describedby={obstacle === undefined ? undefined : reasonId}
        title={obstacle}
        onClick={onClick}
      >
        {icon !== undefined && <Icon name={icon} size={14} />}
        {label}
      </button>
      {obstacle !== undefined && (
        <span id={reasonId} class="hidden-visually">
          {obstacle}
        </span>
      )}
      {isAsking && confirm !== undefined && (
        <ConfirmDialog
          {...confirm}
          word={confirm.word ?? label}
          isDanger={isDanger}
          run={run}
          onClose={() => setAsking(false)}
        />
      )}
    </>
  );
}

function explain(problem: Problem): ComponentChildren {
  const { title, detail } = problem.document;
  return (
    <>
      <strong>{title}</strong>
      <br />
      {detail}
    </>
  );
}

interface ConfirmDialogProps {
  readonly title: string;
  readonly body: ComponentChildren;
  readonly word: string;
  readonly reason?: string;
  readonly isDanger: boolean;
  readonly run: (reason: string) => Promise<ComponentChildren>;
  readonly onClose: () => void;
}

function ConfirmDialog({ title, body, word, reason, isDanger, run, onClose }: ConfirmDialogProps) {
  const [text, setText] = useState('');
  const reasonId = useId();
  return (
    <FormDialog
      title={title}
      word={word}
      isDanger={isDanger}
      isReady={reason === undefined || text.trim() !== ''}
      onClose={onClose}
      run={async () => {
        const words = await run(text.trim());
        if (words !== undefined && words !== null) tell(words);
        onClose();
      }}
    >
      <div>{body}</div>
      {reason !== undefined && (
        <div class="field">
          <label for={reasonId}>{reason}</label>
          <input
            id={reasonId}
            class="input"
            value={text}
            maxLength={1_000}
            autoComplete="off"
            required
            onInput={(event) => setText(event.currentTarget.value)}
          />
        </div>
      )}
    </FormDialog>
  );
}
