import { z } from 'zod';

/** A schema from a parser of `core/` that answers undefined to what is not of its form. */
export function branded<T>(parse: (text: string) => T | undefined, message = 'not of its form') {
  return z.string().transform((text, context) => {
    const value = parse(text);
    if (value !== undefined) return value;
    context.addIssue({ code: 'custom', message });
    return z.NEVER;
  });
}
