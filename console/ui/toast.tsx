import './toast.css';
import { signal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { Icon } from './icon.tsx';

const SHOWN_MS = 8_000;

interface Toast {
  readonly id: number;
  readonly content: ComponentChildren;
  readonly isBad: boolean;
}

const toasts = signal<readonly Toast[]>([]);
let lastId = 0;

/** Says what came of what was done. Bad news stays until it is closed. */
export function tell(content: ComponentChildren, { isBad = false }: { readonly isBad?: boolean } = {}): void {
  lastId += 1;
  const id = lastId;
  toasts.value = [...toasts.peek().slice(-4), { id, content, isBad }];
  if (!isBad) setTimeout(() => close(id), SHOWN_MS);
}

function close(id: number): void {
  toasts.value = toasts.peek().filter((toast) => toast.id !== id);
}

export function Toasts() {
  return (
    <div class="toasts" role="status" aria-live="polite">
      {toasts.value.map(({ id, content, isBad }) => (
        <div key={id} class={`toast${isBad ? ' bad' : ''}`}>
          <div>{content}</div>
          <button type="button" class="button bare" onClick={() => close(id)} aria-label="Close this message">
            <Icon name="cross" size={12} />
          </button>
        </div>
      ))}
    </div>
  );
}
