import { z } from 'zod';

// How a command can end. docs/cli.md has the same table.

export const EXITS = {
  ok: { code: 0, meaning: 'It is done' },
  failed: {
    code: 1,
    meaning: 'The job failed, a check of `doctor` failed, or the API refused what was asked (a conflict, a limit)',
  },
  usage: { code: 2, meaning: 'The command line, or a value in it, is not valid; nothing was done' },
  unreachable: { code: 3, meaning: 'The API cannot be reached, or cannot serve now' },
  'not-found': { code: 4, meaning: 'There is no such thing' },
  'not-allowed': { code: 5, meaning: 'There is no valid key, or its role may not do this' },
  interrupted: { code: 130, meaning: 'Ctrl-C. A job that was waited for goes on' },
} as const;
export type Exit = keyof typeof EXITS;

interface FailureDetails {
  readonly advice?: string;
  readonly code?: string;
  readonly traceId?: string;
  /** As the API sent it. */
  readonly problem?: unknown;
  readonly cause?: unknown;
}

/** A command that ends otherwise than well: a sentence for people, what to do about it, and the exit code. */
export class Failure extends Error {
  readonly exit: Exit;
  readonly details: FailureDetails;

  constructor(exit: Exit, message: string, details: FailureDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = 'Failure';
    this.exit = exit;
    this.details = details;
  }
}

const problemSchema = z.looseObject({
  detail: z.string(),
  code: z.string(),
  advice: z.string().optional(),
  holder: z.string().optional(),
  traceId: z.string().optional(),
});

/** RFC 9457 as a failure; what is not a problem document (a proxy's page) is told by its status. */
export function failureOf(status: number, body: unknown, url: string): Failure {
  const exit = exitOf(status);
  const parsed = problemSchema.safeParse(body);
  if (!parsed.success) {
    const advice = `Is ${url} the address of Stowage's REST API?`;
    return new Failure(exit, `${url} answered with HTTP status ${status}`, { advice });
  }
  const { detail, code, advice, holder, traceId } = parsed.data;
  if (code === 'route-unknown') {
    const older = 'The API is older than this command, perhaps: see `stowage version`.';
    return new Failure('failed', `this API cannot do that: ${detail}`, { code, advice: older, problem: body });
  }
  return new Failure(exit, holder === undefined || detail.includes(holder) ? detail : `${detail} (held by ${holder})`, {
    code,
    problem: body,
    ...(advice === undefined ? {} : { advice }),
    ...(traceId === undefined ? {} : { traceId }),
  });
}

function exitOf(status: number): Exit {
  if (status === 401 || status === 403) return 'not-allowed';
  if (status === 404) return 'not-found';
  if (status === 400) return 'usage';
  if (status >= 502 && status <= 504) return 'unreachable';
  return 'failed';
}

/** A value in the command line that is not valid. */
export function usageFailure(message: string, advice?: string): Failure {
  return new Failure('usage', message, advice === undefined ? {} : { advice });
}
