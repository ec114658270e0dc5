import { withQuery } from '../api/client.ts';
import { hasRole } from '../session/session.ts';
import { PLACES } from './places.ts';

const JOB_ID = /^[0-9a-hjkmnp-tv-z]{26}$/;
/** A thing by its key, as jobs and events name it: `volume:demo_vol`. */
const RESOURCE = /^(volume|container|host|image):(.+)$/;
/** What can be the name of a thing. */
const NAME = /^[\w.:@/-]{2,200}$/;

/** Where a text may lead. */
export interface Destination {
  readonly href: string;
  /** What is there, e.g. `Volume`. */
  readonly what: string;
  readonly name: string;
}

/** The likeliest first: what the text names exactly, else the jobs that have it in them; then places and things of that name. */
export function destinationsOf(text: string): readonly Destination[] {
  const words = text.trim();
  if (words === '') return [];
  const exact = exactOf(words);
  if (exact !== undefined) return [exact];
  const places = PLACES.flat()
    .filter(
      ({ title, needs }) =>
        title.toLowerCase().includes(words.toLowerCase()) && (needs === undefined || hasRole(needs)),
    )
    .map(({ href, title }) => ({ href, what: 'Page', name: title }));
  const things = NAME.test(words) ? (['volume', 'container', 'host'] as const).map((type) => thingOf(type, words)) : [];
  return [{ href: withQuery('/console/jobs', { text: words }), what: 'Jobs with', name: words }, ...places, ...things];
}

function exactOf(words: string): Destination | undefined {
  const id = words.replace(/^job:/, '').toLowerCase();
  if (JOB_ID.test(id)) return { href: `/console/jobs/${id}`, what: 'Job', name: id };
  const [, type, name] = RESOURCE.exec(words) ?? [];
  return type === undefined || name === undefined ? undefined : thingOf(type, name);
}

function thingOf(type: string, name: string): Destination {
  return {
    href: `/console/${type}s/${encodeURIComponent(name)}`,
    what: `${type.charAt(0).toUpperCase()}${type.slice(1)}`,
    name,
  };
}
