import type { Ref } from 'preact';
import { useState } from 'preact/hooks';
import { useLocation } from 'preact-iso/router';
import { withQuery } from '../api/client.ts';
import { Icon } from '../ui/icon.tsx';

const JOB_ID = /^[0-9a-hjkmnp-tv-z]{26}$/;
/** A thing by its key: `volume:demo_vol`, as jobs and events name it. */
const RESOURCE = /^(volume|container|host|image):(.+)$/;

/** Where a text leads: to the job or the thing that it names exactly, else to the jobs that have it in them. */
export function targetOf(text: string): string {
  const words = text.trim();
  const id = words.replace(/^job:/, '').toLowerCase();
  if (JOB_ID.test(id)) return `/console/jobs/${id}`;
  const [, type, name] = RESOURCE.exec(words) ?? [];
  if (type !== undefined && name !== undefined) {
    return type === 'image' ? '/console/images' : `/console/${type}s/${encodeURIComponent(name)}`;
  }
  return withQuery('/console/jobs', { text: words });
}

export function Search({ inputRef }: { readonly inputRef: Ref<HTMLInputElement> }) {
  const { route } = useLocation();
  const [text, setText] = useState('');
  return (
    <form
      class="search"
      role="search"
      onSubmit={(event) => {
        event.preventDefault();
        if (text.trim() === '') return;
        route(targetOf(text));
        setText('');
      }}
    >
      <Icon name="search" size={14} />
      <input
        ref={inputRef}
        class="input"
        type="search"
        aria-label="Search jobs, or go to a job by its id"
        placeholder="Search jobs, or paste an id"
        maxLength={200}
        value={text}
        onInput={(event) => setText(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key === 'Escape') event.currentTarget.blur();
        }}
      />
      <kbd aria-hidden="true">/</kbd>
    </form>
  );
}
