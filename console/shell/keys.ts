import { signal } from '@preact/signals';
import { PLACES } from './places.ts';

// Keys of the whole console. They rest while somebody types, while a dialog is open, and for whoever has switched them off
// (WCAG 2.1.4: single letters get in the way of speech input).

/** `g` waits so long for the second key. */
const SEQUENCE_MS = 1_500;
const OFF = 'stowage-keys-off';

export const isHelpOpen = signal(false);
export const areKeysOn = signal(localStorage.getItem(OFF) === null);

export function switchKeys(isOn: boolean): void {
  areKeysOn.value = isOn;
  if (isOn) localStorage.removeItem(OFF);
  else localStorage.setItem(OFF, 'yes');
}

export const KEYS: readonly { readonly keys: readonly string[]; readonly words: string }[] = [
  { keys: ['/'], words: 'Search' },
  { keys: ['j'], words: 'Next row of a list' },
  { keys: ['k'], words: 'Row before' },
  { keys: ['Enter'], words: 'Open the row' },
  { keys: ['t'], words: 'Change the theme' },
  { keys: ['?'], words: 'These keys' },
  ...PLACES.flat().map(({ key, title }) => ({ keys: ['g', key], words: title })),
];

interface KeyActions {
  readonly go: (href: string) => void;
  readonly search: () => void;
  readonly changeTheme: () => void;
}

/** @returns what ends it */
export function listenToKeys({ go, search, changeTheme }: KeyActions): () => void {
  let pressedG = Number.NEGATIVE_INFINITY;
  const single: Readonly<Record<string, () => void>> = {
    '/': search,
    '?': () => (isHelpOpen.value = true),
    t: changeTheme,
    j: () => moveRow(1),
    k: () => moveRow(-1),
  };
  const onKey = (event: KeyboardEvent): void => {
    if (!areKeysOn.peek() || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (isTyping(event.target) || document.querySelector('dialog[open]') !== null) return;
    const isSecond = event.timeStamp - pressedG < SEQUENCE_MS;
    pressedG = Number.NEGATIVE_INFINITY;
    const place = isSecond ? PLACES.flat().find(({ key }) => key === event.key) : undefined;
    const action = place === undefined ? single[event.key] : () => go(place.href);
    if (event.key === 'g' && !isSecond) pressedG = event.timeStamp;
    if (action === undefined) return;
    event.preventDefault();
    action();
  };
  document.addEventListener('keydown', onKey);
  return () => document.removeEventListener('keydown', onKey);
}

function isTyping(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement && target.matches('input:not([type=checkbox]):not([type=radio]), textarea, select')
  );
}

/** Moves the focus along the links of the rows: Enter then opens one, as on any link. */
function moveRow(by: 1 | -1): void {
  const rows = [...document.querySelectorAll<HTMLElement>('main a.row-link')];
  const at = rows.indexOf(document.activeElement as HTMLElement);
  const next = at === -1 ? rows.at(by === 1 ? 0 : -1) : rows[at + by];
  next?.focus();
  next?.scrollIntoView({ block: 'nearest' });
}
