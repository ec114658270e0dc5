import type { FastifyReply } from 'fastify';

/** A page of a few sentences, which needs nothing else: for when there is no console to say them. The paragraphs are HTML. */
export function plainPage(title: string, paragraphs: readonly string[]): string {
  const body = paragraphs.map((each) => `<p>${each}</p>`).join('\n');
  return (
    `<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n<meta name="viewport" content="width=device-width">\n` +
    `<title>${title} - Stowage</title>\n<link rel="stylesheet" href="/docs/plain.css">\n` +
    `<h1>${title}</h1>\n${body}\n</html>\n`
  );
}

export async function sendPage(reply: FastifyReply, page: string): Promise<FastifyReply> {
  return await reply.header('content-type', 'text/html; charset=utf-8').header('cache-control', 'no-store').send(page);
}

export function asText(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}
