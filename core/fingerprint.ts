import { createHash } from 'node:crypto';
import type { ErrorFacts } from './errors.ts';
import type { Job, Json } from './job.ts';

// Dead letters that failed for the same reason have the same fingerprint: what differs from one to the next, names and numbers above all, is
// left out of it (docs/decisions/029).

/** Of the hexadecimal digits. */
const LENGTH = 16;
const MOST_NAMES = 200;
/** Of a message: what a fault quotes may be long, and tells nothing more. */
const MOST_TEXT = 1_000;
const PLACE = '#';

/** What of a job tells which words of a message are names. */
export type NamesOfJob = Pick<Job, 'resources' | 'payload' | 'notes'>;

/** Of a job that is a dead letter because of this error, at this step. 16 hexadecimal digits. */
export function fingerprintOf(error: ErrorFacts, step: string | undefined, job: NamesOfJob): string {
  const parts = [
    error.code,
    step ?? '',
    error.fault?.type ?? '',
    withoutNames(error.message.slice(0, MOST_TEXT), namesOf(error, job)),
  ];
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, LENGTH);
}

/** In the order in which they are replaced: the longer forms hold the shorter. */
const SHAPES: readonly RegExp[] = [
  /"[^"\n]*"|`[^`\n]*`/g,
  // A path on a datastore, an address, a path of Linux.
  /\[[^\]\n]+\](?: [^\s,;:()]+)?/g,
  /\b[a-z][a-z0-9+.-]*:\/\/[^\s,;()]+/gi,
  /(?<![\w.])\/[\w.@%+~-]+(?:\/[\w.@%+~-]*)*/g,
  // A reference of an image, a path that does not begin at a root.
  /\b[\w.-]+(?:\/[\w.@-]+)+(?::[\w.-]+)?/g,
  // What has a digit in it: ids, digests, uuids, sizes, times, addresses, `lab-vm-1`. What is joined to it by any of these marks goes with it.
  /[\w.@:/+-]*\d[\w.@:/+%-]*/g,
];

const NOUNS =
  'volume|container|machine|image|layer|host|datastore|store|network|cluster|pod|job|webhook|key|registry|disk|guest|parent|child|worker';
/** Words that follow a noun and are no name of it. */
const NO_NAMES =
  'a|an|and|answered|any|are|as|at|be|by|can|cannot|could|did|does|for|from|had|has|have|in|into|is|it|its|more|no|not|of|on|or|out|should|that|the|there|this|to|was|were|where|which|who|will|with|without';
const NAMED = new RegExp(`\\b(${NOUNS}) (?!(?:${NO_NAMES})\\b)[\\w][\\w.@:/-]*`, 'gi');

function withoutNames(message: string, names: readonly string[]): string {
  let text = message;
  for (const name of names) text = replaceWord(text, name);
  for (const shape of SHAPES) text = text.replace(shape, PLACE);
  return text
    .replace(NAMED, `$1 ${PLACE}`)
    .replace(/\s+/g, ' ')
    .replace(/#(?:[,;]? ?#)+/g, PLACE)
    .trim();
}

const isPartOfWord = (char: string | undefined): boolean => char !== undefined && /[\w-]/.test(char);

/** Where it stands by itself, not within another word. */
function replaceWord(text: string, word: string): string {
  let from = 0;
  let replaced = text;
  for (;;) {
    const at = replaced.indexOf(word, from);
    if (at < 0) return replaced;
    const isWhole = !isPartOfWord(replaced[at - 1]) && !isPartOfWord(replaced[at + word.length]);
    if (isWhole) replaced = `${replaced.slice(0, at)}${PLACE}${replaced.slice(at + word.length)}`;
    from = at + (isWhole ? PLACE.length : 1);
  }
}

/** Longest first: a name may hold another. */
function namesOf(error: ErrorFacts, { resources, payload, notes }: NamesOfJob): readonly string[] {
  const names = new Set<string>();
  const add = (name: string | undefined): void => {
    if (name !== undefined && name.length > 1 && name.length < 500 && names.size < MOST_NAMES) names.add(name);
  };
  for (const resource of resources) add(resource.slice(resource.indexOf(':') + 1));
  add(error.holder);
  add(error.file);
  for (const text of textsIn([payload, notes])) add(text);
  return [...names].toSorted((a, b) => b.length - a.length || (a < b ? -1 : 1));
}

function* textsIn(value: Json): Generator<string> {
  if (typeof value === 'string') yield value;
  else if (Array.isArray(value)) for (const each of value as readonly Json[]) yield* textsIn(each);
  else if (typeof value === 'object' && value !== null) for (const each of Object.values(value)) yield* textsIn(each);
}
