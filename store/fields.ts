import type { Scripts } from './scripts.ts';

/** Redis does nothing else meanwhile: two or three milliseconds. */
const KEYS_AT_ONCE = 500;

/** For each key, which is without the prefix, the values of these fields in their order. @throws `redis-unavailable` */
export async function readFields(
  scripts: Scripts,
  prefix: string,
  { keys, fields }: { readonly keys: readonly string[]; readonly fields: readonly string[] },
): Promise<readonly (readonly (string | null)[])[]> {
  const rows: (readonly (string | null)[])[] = [];
  for (let from = 0; from < keys.length; from += KEYS_AT_ONCE) {
    const some = keys.slice(from, from + KEYS_AT_ONCE);
    const reply = await scripts.run('fields', `${prefix}fields`, [fields.length, ...fields, ...some]);
    const values = reply as readonly (string | null)[];
    for (let at = 0; at < some.length; at += 1) rows.push(values.slice(at * fields.length, (at + 1) * fields.length));
  }
  return rows;
}
