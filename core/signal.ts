// signal(7), x86: by name without SIG, or by number, as Docker takes them.

const NAMES = (
  'HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT CHLD CONT STOP TSTP TTIN TTOU URG XCPU XFSZ ' +
  'VTALRM PROF WINCH IO PWR SYS'
).split(' ');

/** What ends a process that does not handle it; without a guest, what pulling the plug stands for. */
const DEADLY = ['KILL', 'TERM', 'INT', 'QUIT', 'ABRT'];
/** Default action: none. Docker's CLI sends WINCH whenever a window is resized. */
const HARMLESS = ['WINCH', 'CONT', 'URG', 'CHLD'];

declare const brand: unique symbol;
/** Without SIG. */
export type SignalName = string & { readonly [brand]: 'SignalName' };

/** As people write them; `parseSignalName` takes lower case, too. For a JSON Schema. */
export const SIGNAL_PATTERN = `^(?:(?:SIG)?(?:${NAMES.join('|')})|[1-9]|[12][0-9]|3[01])$`;

/** undefined: there is no such signal. */
export function parseSignalName(text: string): SignalName | undefined {
  const bare = text.toUpperCase().replace(/^SIG/, '');
  const name = NAMES.includes(bare) ? bare : /^\d{1,2}$/.test(bare) ? NAMES[Number(bare) - 1] : undefined;
  return name as SignalName | undefined;
}

export function isDeadly(name: string): boolean {
  return DEADLY.includes(name);
}

export function isHarmless(name: string): boolean {
  return HARMLESS.includes(name);
}

/** 0: it has none. */
export function signalNumber(name: SignalName): number {
  return NAMES.indexOf(name) + 1;
}
