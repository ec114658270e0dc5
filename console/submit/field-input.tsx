import { useId } from 'preact/hooks';
import type { PayloadField } from './payload.ts';

const LONG_HINT = 240;

interface FieldInputProps {
  readonly field: PayloadField;
  readonly value: string;
  readonly fault: string | undefined;
  readonly onChange: (value: string) => void;
}

/** One member of a payload. */
export function FieldInput({ field, value, fault, onChange }: FieldInputProps) {
  const id = useId();
  const { name, type, isNeeded, description } = field;
  const hint = [
    description,
    type === 'lines' && 'One a line.',
    type === 'pairs' && 'name=value, one a line.',
    type === 'json' && 'JSON.',
  ]
    .filter(Boolean)
    .join(' ');
  return (
    <div class="field">
      <label for={id}>
        {name}
        {isNeeded && ' (needed)'}
      </label>
      <Input id={id} field={field} value={value} isWrong={fault !== undefined} onChange={onChange} />
      {fault !== undefined && (
        <p id={`${id}-fault`} class="fault">
          {fault}
        </p>
      )}
      {hint !== '' &&
        (hint.length <= LONG_HINT ? (
          <p id={`${id}-hint`} class="hint">
            {hint}
          </p>
        ) : (
          <details class="hint">
            <summary>What it may be</summary>
            <p id={`${id}-hint`}>{hint}</p>
          </details>
        ))}
    </div>
  );
}

interface InputProps {
  readonly id: string;
  readonly field: PayloadField;
  readonly value: string;
  readonly isWrong: boolean;
  readonly onChange: (value: string) => void;
}

function Input({ id, field: { type, isNeeded, choices }, value, isWrong, onChange }: InputProps) {
  const common = {
    id,
    class: 'input',
    value,
    'aria-invalid': isWrong,
    'aria-required': isNeeded,
    'aria-describedby': `${id}-fault ${id}-hint`,
  };
  switch (type) {
    case 'choice':
    case 'flag': {
      const options = type === 'flag' ? ['true', 'false'] : choices;
      return (
        <select {...common} onChange={(event) => onChange(event.currentTarget.value)}>
          <option value="">{isNeeded ? 'Choose' : 'Default'}</option>
          {options.map((option) => (
            <option key={option} value={option}>
              {option}
            </option>
          ))}
        </select>
      );
    }
    case 'lines':
    case 'pairs':
    case 'json':
      return (
        <textarea {...common} rows={3} spellcheck={false} onInput={(event) => onChange(event.currentTarget.value)} />
      );
    case 'text':
    case 'number':
      return (
        <input
          {...common}
          autoComplete="off"
          spellcheck={false}
          inputMode={type === 'number' ? 'numeric' : 'text'}
          onInput={(event) => onChange(event.currentTarget.value)}
        />
      );
  }
}
