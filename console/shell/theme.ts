import { signal } from '@preact/signals';

export type Theme = 'system' | 'light' | 'dark';

const KEY = 'stowage-theme';
const ORDER: readonly Theme[] = ['system', 'light', 'dark'];

export const theme = signal<Theme>(chosen());

// public/theme.js has put it on the page already.
function chosen(): Theme {
  const found = document.documentElement.dataset['theme'];
  return found === 'light' || found === 'dark' ? found : 'system';
}

export function nextTheme(): void {
  const next = ORDER[(ORDER.indexOf(theme.peek()) + 1) % ORDER.length] ?? 'system';
  theme.value = next;
  if (next === 'system') {
    delete document.documentElement.dataset['theme'];
    localStorage.removeItem(KEY);
  } else {
    document.documentElement.dataset['theme'] = next;
    localStorage.setItem(KEY, next);
  }
}
