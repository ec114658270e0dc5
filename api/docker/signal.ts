import { StowageError } from '../../core/errors.ts';

// signal(7), x86: by name without SIG, or by number, as Docker takes them.

const NAMES = (
  'HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT CHLD CONT STOP TSTP TTIN TTOU URG XCPU XFSZ ' +
  'VTALRM PROF WINCH IO PWR SYS'
).split(' ');

/** What ends a process that does not handle it, and what `container.kill` takes for it. */
const DEADLY = ['KILL', 'TERM', 'INT', 'QUIT', 'ABRT'];

/** The name. @throws `request-invalid` with dockerd's text */
export function parseSignal(text: string): string {
  const bare = text.toUpperCase().replace(/^SIG/, '');
  if (NAMES.includes(bare)) return bare;
  const byNumber = /^\d+$/.test(bare) ? NAMES[Number(bare) - 1] : undefined;
  if (byNumber !== undefined) return byNumber;
  throw new StowageError('request-invalid', `invalid signal: ${text}`);
}

export function isDeadly(name: string): boolean {
  return DEADLY.includes(name);
}

/** Events of dockerd have the number. */
export function numberOfSignal(text: string): string {
  const at = NAMES.indexOf(text.toUpperCase().replace(/^SIG/, ''));
  return at === -1 ? text : String(at + 1);
}
