/** RFC 9457, as every error of the api comes. */
export interface ProblemDocument {
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: string;
  readonly advice?: string;
  readonly holder?: string;
  readonly errors?: readonly ProblemField[];
  readonly traceId?: string;
}

export interface ProblemField {
  /** A JSON pointer into the body. */
  readonly pointer?: string;
  readonly parameter?: string;
  readonly detail: string;
}

/** What a request came to when it did not succeed. The only error that pages see. */
export class Problem extends Error {
  readonly document: ProblemDocument;
  readonly retryAfterSeconds: number | undefined;

  constructor(document: ProblemDocument, retryAfterSeconds?: number, cause?: unknown) {
    super(document.detail, cause === undefined ? undefined : { cause });
    this.name = 'Problem';
    this.document = document;
    this.retryAfterSeconds = retryAfterSeconds;
  }

  get code(): string {
    return this.document.code;
  }
}

/** An answer that is no success, as a Problem, whatever stands between us and the api. */
export async function problemOfResponse(response: Response): Promise<Problem> {
  const retryAfter = Number(response.headers.get('retry-after') ?? Number.NaN);
  const seconds = Number.isFinite(retryAfter) ? retryAfter : undefined;
  try {
    const body: unknown = await response.json();
    if (isDocument(body)) return new Problem(body, seconds);
  } catch {
    // Not JSON: a proxy's own page, say.
  }
  const { status } = response;
  return new Problem(
    { title: 'The request failed', status, detail: `The answer was HTTP ${status}.`, code: `http-${status}` },
    seconds,
  );
}

export function problemOfThrown(thrown: unknown): Problem {
  if (thrown instanceof Problem) return thrown;
  const document: ProblemDocument = {
    title: 'Stowage cannot be reached',
    status: 0,
    detail: thrown instanceof Error ? thrown.message : String(thrown),
    code: 'unreachable',
    advice: 'Check the network, and that the api runs. This page tries again by itself.',
  };
  return new Problem(document, undefined, thrown);
}

function isDocument(body: unknown): body is ProblemDocument {
  return typeof body === 'object' && body !== null && 'detail' in body && 'code' in body && 'status' in body;
}
