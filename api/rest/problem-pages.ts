import { z } from 'zod';
import { ERROR_CODES, ERROR_KINDS, type ErrorCode } from '../../core/error-codes.ts';
import { adviceOf, dispositionOf, StowageError, statusOf } from '../../core/errors.ts';
import type { RestApp } from './parts.ts';
import { problemResponses } from './problems.ts';

const problemPage = z
  .object({
    code: z.string(),
    kind: z.string(),
    status: z.int(),
    title: z.string(),
    advice: z.string(),
    disposition: z.enum(['retry', 'fatal']).describe('What the queue does with a job that fails so'),
  })
  .meta({ id: 'ProblemType' });

/** The pages that `type` of a problem document points to. They say nothing of this installation, so anybody may read them. */
export function problemPageRoutes(app: RestApp): void {
  app.route({
    method: 'GET',
    url: '/problems/:code',
    config: { access: 'public' },
    schema: {
      tags: ['process'],
      operationId: 'readProblemType',
      summary: 'What an error code means',
      params: z.object({ code: z.string().min(1).max(100) }),
      querystring: z.strictObject({}),
      response: {
        200: {
          description: 'What the code means',
          content: { 'application/json': { schema: problemPage }, 'text/html': { schema: z.string() } },
        },
        ...problemResponses,
      },
    },
    handler: async (request, reply) => {
      const { code } = request.params;
      if (!isCode(code)) throw new StowageError('route-unknown', `there is no error code ${code}`);
      const page = explain(code);
      if (!(request.headers.accept ?? '').includes('text/html')) return page;
      return await reply.header('content-type', 'text/html; charset=utf-8').send(asHtml(page));
    },
  });
}

function isCode(text: string): text is ErrorCode {
  return Object.hasOwn(ERROR_CODES, text);
}

function explain(code: ErrorCode): z.infer<typeof problemPage> {
  const { kind } = ERROR_CODES[code];
  return {
    code,
    kind,
    status: statusOf(code),
    title: ERROR_KINDS[kind].title,
    advice: adviceOf(code),
    disposition: dispositionOf(code),
  };
}

function asHtml(page: z.infer<typeof problemPage>): string {
  const text = (value: string) => value.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
  const then = page.disposition === 'retry' ? 'is tried again' : 'becomes a dead letter';
  return (
    `<!doctype html><html lang="en"><meta charset="utf-8"><title>${page.code}</title>` +
    `<h1>${page.code}</h1><p>${text(page.title)} (${page.kind}, HTTP ${page.status}).</p><p>${text(page.advice)}</p>` +
    `<p>A job that fails so ${then}.</p></html>`
  );
}
