import './secret.css';
import { useState } from 'preact/hooks';
import { Dialog } from './dialog.tsx';
import { Icon } from './icon.tsx';

interface SecretDialogProps {
  readonly title: string;
  /** What it is for, and what happens when it is lost. */
  readonly words: string;
  readonly secret: string;
  readonly onClose: () => void;
}

/** A secret that is shown this once. It is closed by its button only, so that no slip of the hand loses it. */
export function SecretDialog({ title, words, secret, onClose }: SecretDialogProps) {
  const [isCopied, setCopied] = useState(false);
  // Browsers give the clipboard to pages by https and on this machine only; the text can be chosen by hand everywhere.
  const canCopy = 'clipboard' in navigator;
  return (
    <Dialog title={title} onClose={() => undefined}>
      <div class="stack">
        <p>{words}</p>
        <code class="secret">{secret}</code>
        <div class="row end">
          {canCopy && (
            <button
              type="button"
              class="button"
              onClick={() => void navigator.clipboard.writeText(secret).then(() => setCopied(true))}
            >
              <Icon name={isCopied ? 'check' : 'copy'} size={14} />
              {isCopied ? 'Copied' : 'Copy'}
            </button>
          )}
          <button type="button" class="button primary" onClick={onClose}>
            I have kept it
          </button>
        </div>
      </div>
    </Dialog>
  );
}
