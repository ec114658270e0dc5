import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';

// A program in a pseudo-terminal, as a person has it: by script(1), which every Linux has.

const WAIT_MS = 60_000;
/** The first line is which terminal it is: so its size can be changed from outside, as a window manager does. */
const PRELUDE = 'tty; stty rows 24 cols 80;';

export interface Terminal {
  write(text: string): void;
  /** Everything that was shown. */
  readonly shown: string;
  /** Resolves with what was shown up to and with the pattern, since the last call. */
  until(pattern: RegExp): Promise<string>;
  resize(rows: number, columns: number): Promise<void>;
  /** The exit code of the program. */
  readonly exited: Promise<number | null>;
  close(): void;
}

export async function openTerminal(
  command: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): Promise<Terminal> {
  const quoted = command.map((word) => `'${word.replaceAll("'", String.raw`'\''`)}'`).join(' ');
  const child = spawn('script', ['-qfec', `${PRELUDE} exec ${quoted}`, '/dev/null'], {
    env: { PATH: process.env['PATH'], TERM: 'xterm', SHELL: '/bin/sh', ...env },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const screen = screenOf(child);
  const first = await screen.until(/\/dev\/pts\/\d+\r\n/);
  const [tty = ''] = /\/dev\/pts\/\d+/.exec(first) ?? [];
  return {
    write: (text) => void child.stdin?.write(text),
    get shown() {
      return screen.shown();
    },
    until: screen.until,
    async resize(rows, columns) {
      await once(spawn('stty', ['-F', tty, 'rows', String(rows), 'cols', String(columns)]), 'exit');
    },
    exited: once(child, 'exit').then(([code]) => code as number | null),
    close: () => void child.kill('SIGKILL'),
  };
}

function screenOf(child: ChildProcess) {
  let text = '';
  let at = 0;
  child.stdout?.setEncoding('utf8').on('data', (more: string) => (text += more));
  return {
    shown: () => text,
    async until(pattern: RegExp): Promise<string> {
      const endAt = performance.now() + WAIT_MS;
      while (performance.now() < endAt) {
        const match = pattern.exec(text.slice(at));
        if (match !== null) {
          const found = text.slice(at, at + match.index + match[0].length);
          at += found.length;
          return found;
        }
        await sleep(10);
      }
      throw new Error(`${String(pattern)} was not shown in ${WAIT_MS} ms, but: ${JSON.stringify(text.slice(at))}`);
    },
  };
}
