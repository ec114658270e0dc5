import type { ComponentChildren } from 'preact';
import { useEffect, useId, useRef, useState } from 'preact/hooks';

/** Typing rests this long before the list is asked for anew. */
const REST_MS = 350;

interface TextFilterProps {
  readonly label: string;
  readonly value: string;
  readonly placeholder?: string;
  readonly isMono?: boolean;
  readonly onChange: (value: string) => void;
}

export function TextFilter({ label, value, placeholder, isMono = false, onChange }: TextFilterProps) {
  const id = useId();
  const [text, setText] = useState(value);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  // The URL changed by other ways: a link, going back.
  useEffect(() => setText(value), [value]);
  useEffect(() => () => clearTimeout(timer.current), []);
  const settle = (next: string): void => {
    clearTimeout(timer.current);
    if (next.trim() !== value) onChange(next.trim());
  };
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <input
        id={id}
        class={`input${isMono ? ' mono' : ''}`}
        type="search"
        autoComplete="off"
        spellcheck={false}
        maxLength={200}
        placeholder={placeholder}
        value={text}
        onInput={(event) => {
          const next = event.currentTarget.value;
          setText(next);
          clearTimeout(timer.current);
          timer.current = setTimeout(() => settle(next), REST_MS);
        }}
        onKeyDown={(event) => {
          if (event.key === 'Enter') settle(text);
        }}
      />
    </div>
  );
}

interface ChoiceFilterProps {
  readonly label: string;
  readonly value: string;
  /** Value and words. '' is for all. */
  readonly choices: readonly (readonly [string, string])[];
  readonly onChange: (value: string) => void;
}

export function ChoiceFilter({ label, value, choices, onChange }: ChoiceFilterProps) {
  const id = useId();
  const isKnown = choices.some(([choice]) => choice === value);
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <select id={id} class="input" value={value} onChange={(event) => onChange(event.currentTarget.value)}>
        {choices.map(([choice, words]) => (
          <option key={choice} value={choice}>
            {words}
          </option>
        ))}
        {!isKnown && <option value={value}>{value}</option>}
      </select>
    </div>
  );
}

interface TabsProps {
  readonly label: string;
  readonly tabs: readonly { readonly href: string; readonly words: ComponentChildren; readonly isHere: boolean }[];
}

/** Links that look like one control: one of them is where one is. */
export function Tabs({ label, tabs }: TabsProps) {
  return (
    <nav class="tabs" aria-label={label}>
      {tabs.map(({ href, words, isHere }) => (
        <a key={href} href={href} aria-current={isHere ? 'true' : undefined}>
          {words}
        </a>
      ))}
    </nav>
  );
}
