import { spawn } from 'node:child_process';

/**
 * Outlives us and waits for our end of its standard input to close. A line says that the child has ended by itself; end of
 * file without one says that we were killed, and then the child's process group goes too.
 */
const SCRIPT = `
trap '' TERM INT HUP
read -r _ && exit 0
kill -TERM "-$1" 2>/dev/null || exit 0
tries=0
while [ "$tries" -lt 25 ] && kill -0 "-$1" 2>/dev/null; do sleep 0.2; tries=$((tries + 1)); done
kill -KILL "-$1" 2>/dev/null
`;

/** Ties the process group that `pid` leads to our life. */
export function leash(pid: number): { release(): void } {
  const watcher = spawn('/bin/sh', ['-c', SCRIPT, 'stowage-leash', String(pid)], {
    cwd: '/',
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  // A watcher that is gone already has nothing left to watch.
  watcher.on('error', () => undefined);
  watcher.stdin.on('error', () => undefined);
  watcher.unref();
  return { release: () => watcher.stdin.end('done\n') };
}
