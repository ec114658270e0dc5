import { z } from 'zod';
import type { TextForm } from '../core/ids.ts';

/**
 * A schema from a parser of `core/` that answers undefined to what is not of its form.
 *
 * @param form what JSON Schema can say of that form, for who reads the documents; the parser decides
 */
export function branded<T>(parse: (text: string) => T | undefined, message = 'not of its form', form: TextForm = {}) {
  return z
    .string()
    .meta(form)
    .transform((text, context) => {
      const value = parse(text);
      if (value !== undefined) return value;
      context.addIssue({ code: 'custom', message });
      return z.NEVER;
    });
}

/** A member that a kind's `prepare`, or a job that submits another, sets: documents of what callers send leave it out. */
export function setByStowage<T extends z.ZodType>(schema: T, why = ''): z.ZodOptional<T> {
  return schema.optional().meta({ readOnly: true, description: `Set by Stowage${why}` });
}
