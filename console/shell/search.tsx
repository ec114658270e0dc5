import './search.css';
import type { RefObject } from 'preact';
import { useId, useState } from 'preact/hooks';
import { useLocation } from 'preact-iso/router';
import { Icon } from '../ui/icon.tsx';
import { destinationsOf } from './destinations.ts';

/** A combobox (ARIA Authoring Practices): words on the left, below them where they may lead. Enter takes the first one, or the chosen one. */
export function Search({ inputRef }: { readonly inputRef: RefObject<HTMLInputElement | null> }) {
  const { route } = useLocation();
  const [text, setText] = useState('');
  const [isOpen, setOpen] = useState(false);
  const [chosen, setChosen] = useState(0);
  const id = useId();
  const destinations = destinationsOf(text);
  const isShown = isOpen && destinations.length > 0;

  const go = (at: number): void => {
    const destination = destinations[at];
    if (destination === undefined) return;
    route(destination.href);
    setText('');
    setOpen(false);
  };
  const move = (by: number): void => {
    setOpen(true);
    setChosen((chosen + by + destinations.length) % Math.max(1, destinations.length));
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key === 'ArrowDown') move(1);
    else if (event.key === 'ArrowUp') move(-1);
    else if (event.key === 'Escape' && isShown) setOpen(false);
    else if (event.key === 'Escape') inputRef.current?.blur();
    else return;
    event.preventDefault();
  };

  return (
    <form
      class="search"
      role="search"
      onSubmit={(event) => {
        event.preventDefault();
        go(chosen);
      }}
    >
      <Icon name="search" size={14} />
      <input
        ref={inputRef}
        class="input"
        type="text"
        role="combobox"
        aria-label="Search jobs, or go to a thing by its name or id"
        aria-expanded={isShown}
        aria-controls={`${id}-list`}
        aria-autocomplete="list"
        aria-activedescendant={isShown ? `${id}-${chosen}` : undefined}
        autoComplete="off"
        spellcheck={false}
        placeholder="Search jobs, or paste an id"
        maxLength={200}
        value={text}
        onInput={(event) => {
          setText(event.currentTarget.value);
          setChosen(0);
          setOpen(true);
        }}
        onKeyDown={onKeyDown}
        onBlur={() => setOpen(false)}
      />
      <kbd aria-hidden="true">/</kbd>
      <ul id={`${id}-list`} class="destinations" role="listbox" aria-label="Where it may lead" hidden={!isShown}>
        {destinations.map(({ href, what, name }, at) => (
          <li
            key={href}
            id={`${id}-${at}`}
            role="option"
            aria-selected={at === chosen}
            // Before the field loses the focus, and the list with it.
            onMouseDown={(event) => {
              event.preventDefault();
              go(at);
            }}
          >
            <span class="muted">{what}</span> {name}
          </li>
        ))}
      </ul>
    </form>
  );
}
