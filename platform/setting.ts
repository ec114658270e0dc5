import { z } from 'zod';
import { type ListenAddress, parseListen } from './listen.ts';
import { Secret } from './secret.ts';

/** One environment variable: how its text is read, and what the documentation says of it. */
export interface Setting<T = unknown> {
  readonly schema: z.ZodType<T, string>;
  readonly type: string;
  readonly example: string;
  readonly description: string;
  /** The text that stands for an absent variable; without one the setting is optional. */
  readonly fallback?: string;
  /** What the documentation says in place of `fallback`, where the default depends on something else. */
  readonly defaultText?: string;
  /** The value never prints. */
  readonly isSecret?: true;
  /** `<NAME>_FILE` may name a file that holds the value. */
  readonly mayBeFile?: true;
  /** The value is the path of a file that must be there and hold a PEM certificate. */
  readonly isCertificate?: true;
}

/** A schema from a parser that throws what is wrong. */
export function parsedBy<T>(parse: (value: string) => T): z.ZodType<T, string> {
  return z.string().transform((value, context) => {
    try {
      return parse(value);
    } catch (error) {
      context.addIssue({ code: 'custom', message: error instanceof Error ? error.message : String(error) });
      return z.NEVER;
    }
  });
}

export function secretOf(leastLength: number): z.ZodType<Secret, string> {
  return z
    .string()
    .min(leastLength, `must have at least ${leastLength} characters`)
    .transform((value) => new Secret(value));
}

export function listen(): z.ZodType<ListenAddress, string> {
  return parsedBy((value) => {
    const address = parseListen(value);
    if (address === undefined) throw new RangeError('must be host:port, with a port from 0 to 65535');
    return address;
  });
}

export function whole(least: number, most: number): z.ZodType<number, string> {
  return parsedBy((value) => {
    const number = /^\d{1,12}$/.test(value) ? Number(value) : Number.NaN;
    if (!(number >= least && number <= most)) throw new RangeError(`must be a whole number from ${least} to ${most}`);
    return number;
  });
}
