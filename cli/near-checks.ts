import { connect } from 'node:net';
import type { Check } from './checks.ts';
import type { Answer } from './client.ts';
import type { Run } from './command.ts';
import { Failure } from './failure.ts';
import { memberAt } from './output/table.ts';

// What can be seen from where the command runs: the way to the API, the key, whether jobs could run, and the Docker port beside it.

const DOCKER_MS = 2_000;
const CLOCK_WARNING_MS = 5_000;

/** undefined: the API cannot be reached, and there is nothing more to ask. */
export async function checkApi(
  run: Run,
): Promise<{ readonly checks: readonly Check[]; readonly isReachable: boolean }> {
  const { client, io } = run;
  const { url } = client.connection;
  let answer: Answer;
  try {
    answer = await client.ask({ path: 'healthz', signal: io.interrupted });
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    const advice = error.details.advice ?? 'Check the address.';
    return { checks: [{ name: 'api', state: 'failed', message: error.message, advice }], isReachable: false };
  }
  const version = memberAt(answer.body, 'version');
  if (answer.status !== 200 || typeof version !== 'string') {
    const message = `${url.href} answers, and not as Stowage does`;
    return {
      checks: [
        { name: 'api', state: 'failed', message, advice: 'Name the address of the REST API: --url or STOWAGE_URL.' },
      ],
      isReachable: false,
    };
  }
  return {
    checks: [
      { name: 'api', state: 'ok', message: `${url.href} answers` },
      versionCheck(version, run.version),
      ...transportCheck(url),
      ...clockCheck(answer, io.nowMs()),
    ],
    isReachable: true,
  };
}

function versionCheck(server: string, own: string): Check {
  if (server === own) return { name: 'api.version', state: 'ok', message: `the API and this command are both ${own}` };
  const message = `the API is ${server}, this command is ${own}`;
  return { name: 'api.version', state: 'warning', message, advice: 'Use the command of the same version.' };
}

function isLoopback({ hostname }: URL): boolean {
  return /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/i.test(hostname);
}

function transportCheck(url: URL): readonly Check[] {
  if (url.protocol === 'https:' || isLoopback(url)) return [];
  const message = `${url.origin} is not TLS: the key can be read on the way`;
  return [{ name: 'api.tls', state: 'warning', message, advice: 'Put a proxy with TLS before the API.' }];
}

function clockCheck({ headers }: Answer, nowMs: number): readonly Check[] {
  const there = Date.parse(headers.date ?? '');
  if (Number.isNaN(there)) return [];
  // The header has whole seconds.
  const offMs = Math.max(0, Math.abs(there + 500 - nowMs) - 500);
  if (offMs < CLOCK_WARNING_MS)
    return [{ name: 'api.clock', state: 'ok', message: 'the API and this machine have the same time' }];
  const message = `the clocks of the API and of this machine differ by ${Math.round(offMs / 1_000)} s`;
  return [{ name: 'api.clock', state: 'warning', message, advice: 'Have both take their time from an NTP server.' }];
}

/** Whether the key is good. What it may do, only what is asked tells: keys are for admins to read. */
export async function checkKey({ client, io }: Run): Promise<Check> {
  const name = 'api.key';
  const { key, keySource } = client.connection;
  if (key === undefined) {
    const advice = 'Set STOWAGE_API_KEY or STOWAGE_API_KEY_FILE, or give --key-file.';
    return { name, state: 'failed', message: 'no API key is set', advice };
  }
  const { status } = await client.ask({ path: 'v1/keys', signal: io.interrupted });
  if (status === 200) return { name, state: 'ok', message: 'the key is valid, and an admin’s' };
  if (status === 403) return { name, state: 'ok', message: 'the key is valid' };
  if (status !== 401) {
    return { name, state: 'failed', message: `the API answered ${status} to it`, advice: 'See the log of the api.' };
  }
  const message = `the API does not know the key of ${keySource ?? 'the command line'}`;
  const advice = 'It was revoked, or is of another installation: ask an admin for another.';
  return { name, state: 'failed', message, advice };
}

const READY: Readonly<Record<string, readonly [what: string, advice: string]>> = {
  redis: ['Redis', 'See whether it runs, and REDIS_URL of the api.'],
  worker: ['a worker', 'Start workers, with the same REDIS_URL as the api; their logs say why they do not take jobs.'],
  vcenter: ['vCenter, from a worker,', 'See VCENTER_URL and the account of the workers, and the way there.'],
};

/** Whether a job could run now, by `/readyz`. */
export async function checkReady({
  client,
  io,
}: Run): Promise<{ readonly checks: readonly Check[]; readonly isReady: boolean }> {
  const { body } = await client.ask({ path: 'readyz', signal: io.interrupted });
  const checks = Object.entries(READY).flatMap(([name, [what, advice]]): Check[] => {
    const status = memberAt(body, `checks.${name}.status`);
    if (status === 'ok') return [{ name: `ready.${name}`, state: 'ok', message: `${what} answers` }];
    if (status !== 'failed') return [];
    const detail = memberAt(body, `checks.${name}.detail`);
    const message = `${what} does not answer${typeof detail === 'string' ? `: ${detail}` : ''}`;
    return [{ name: `ready.${name}`, state: 'failed', message, advice }];
  });
  // Without vCenter the job runs all the same, and says more of it.
  const isReady = checks.every(({ name, state }) => state === 'ok' || name === 'ready.vcenter');
  return { checks, isReady };
}

/** The Docker Engine API of an installation on this machine; elsewhere it may be anywhere. */
export async function checkDocker({ client, io }: Run): Promise<readonly Check[]> {
  if (!isLoopback(client.connection.url)) return [];
  const name = 'docker';
  const host = io.env['DOCKER_HOST'] ?? '';
  const url = URL.parse(host.startsWith('tcp://') ? host.replace('tcp:', 'http:') : 'http://127.0.0.1:2375');
  if (url === null) return [{ name, state: 'skipped', message: `DOCKER_HOST is ${host}` }];
  const at = `${url.hostname}:${url.port || '2375'}`;
  const fault = await portFault(url.hostname, Number(url.port || 2375));
  if (fault !== undefined) {
    const message = `nothing listens at ${at}: ${fault}`;
    const advice = 'See STOWAGE_DOCKER_LISTEN of the api; DOCKER_HOST names another address.';
    return [{ name, state: 'warning', message, advice }];
  }
  const isUsed = host.startsWith('tcp://');
  const message = `the Docker port ${at} is open${isUsed ? '' : `: export DOCKER_HOST=tcp://${at} for the docker CLI`}`;
  return [{ name, state: 'ok', message }];
}

/** undefined: it takes connections. */
async function portFault(host: string, port: number): Promise<string | undefined> {
  const { promise, resolve } = Promise.withResolvers<string | undefined>();
  const socket = connect({ host: host.replace(/^\[(.*)\]$/, '$1'), port, timeout: DOCKER_MS });
  socket.once('connect', () => resolve(undefined));
  socket.once('error', (error) => resolve(error.message));
  socket.once('timeout', () => resolve('no answer'));
  try {
    return await promise;
  } finally {
    socket.destroy();
  }
}
