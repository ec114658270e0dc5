// Runs in the browser. Requests go out with the key of "Authorize", or in the session of who is signed in.

/* global SwaggerUIBundle, document, fetch */

async function readSession() {
  const answer = await fetch('/v1/session', { headers: { accept: 'application/json' } });
  return answer.ok ? await answer.json() : undefined;
}

async function addCsrf(request) {
  const isSafe = ['GET', 'HEAD', 'OPTIONS'].includes((request.method ?? 'GET').toUpperCase());
  const names = Object.keys(request.headers ?? {}).map((name) => name.toLowerCase());
  if (isSafe || names.includes('authorization')) return request;
  const session = await readSession();
  if (session !== undefined) request.headers = { ...request.headers, 'x-stowage-csrf': session.csrf };
  return request;
}

async function tellWho() {
  const session = await readSession();
  if (session === undefined) return;
  document.querySelector('#who').textContent = `Signed in as ${session.actor} (${session.role}).`;
}

SwaggerUIBundle({
  url: '/openapi.json',
  dom_id: '#swagger-ui',
  deepLinking: true,
  docExpansion: 'none',
  filter: true,
  persistAuthorization: false,
  validatorUrl: null,
  presets: [SwaggerUIBundle.presets.apis],
  requestInterceptor: addCsrf,
});
await tellWho();
