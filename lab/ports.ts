import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { formatListen, type ListenAddress } from '../platform/listen.ts';

/**
 * The address with a definite port, so that a process which is started again comes back to where it was: port 0 becomes a
 * free one.
 *
 * @throws when the port is taken
 */
export async function claimPort(listen: ListenAddress, setting: string): Promise<ListenAddress> {
  try {
    return await probePort(listen);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    if (code !== 'EADDRINUSE')
      throw new Error(`Cannot listen on ${formatListen(listen)} (${setting}): ${code}`, { cause: error });
    throw new Error(
      `${formatListen(listen)} is taken by another process. Give this copy another address with ${setting}.`,
      {
        cause: error,
      },
    );
  }
}

/** The preferred address, or a free port of its host where that is taken. */
export async function claimPortOrOther(preferred: ListenAddress): Promise<ListenAddress> {
  try {
    return await probePort(preferred);
  } catch {
    return probePort({ host: preferred.host, port: 0 });
  }
}

/** Below those that systems give out by themselves (from 32,768 on Linux, 49,152 elsewhere). */
const FREE_PORTS = { first: 20_000, count: 12_000 };
const TRIES = 20;

/**
 * Port 0 becomes a free one that nobody else is given by chance in the moment between this look and its use: the system would give
 * one of its own again, to whoever asks next.
 */
async function probePort(wanted: ListenAddress): Promise<ListenAddress> {
  if (wanted.port !== 0) return listenOnce(wanted);
  for (let tried = 0; tried < TRIES; tried += 1) {
    const port = FREE_PORTS.first + randomInt(FREE_PORTS.count);
    const found = await listenOnce({ host: wanted.host, port }).catch(() => undefined);
    if (found !== undefined) return found;
  }
  return listenOnce(wanted);
}

async function listenOnce({ host, port }: ListenAddress): Promise<ListenAddress> {
  const server = createServer().listen({ host, port, exclusive: true });
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return { host, port: typeof address === 'object' && address !== null ? address.port : port };
}
