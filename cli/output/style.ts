import type { Io } from '../io.ts';

// Colours: only on a terminal, never with NO_COLOR (no-color.org); FORCE_COLOR overrules both.

const CODES = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, blue: 34 } as const;
type Look = keyof typeof CODES;
export type Paint = (look: Look | undefined, text: string) => string;

export function createPaint(isTerminal: boolean, env: Io['env']): Paint {
  const isForced = (env['FORCE_COLOR'] ?? '0') !== '0';
  const isWanted = isForced || (isTerminal && !env['NO_COLOR'] && env['TERM'] !== 'dumb');
  if (!isWanted) return (_look, text) => text;
  return (look, text) => (look === undefined || text === '' ? text : `\u001b[${CODES[look]}m${text}\u001b[0m`);
}

const GOOD = new Set([
  'succeeded',
  'available',
  'in-use',
  'connected',
  'enabled',
  'delivered',
  'ok',
  'done',
  'success',
]);
const BAD = new Set(['dead', 'failed', 'disconnected', 'not-responding', 'error', 'refused', 'lost', 'gone']);
const UNDER_WAY = new Set(['warning', 'disabled', 'cancelled', 'paused', 'retry', 'recovering', 'displaced']);

/** How a state is shown. `running` of a container is good and of a job is under way: both are blue. */
export function lookOfState(state: string): Look | undefined {
  if (GOOD.has(state)) return 'green';
  if (BAD.has(state)) return 'red';
  if (UNDER_WAY.has(state) || state.endsWith('ing')) return state === 'running' ? 'blue' : 'yellow';
  return undefined;
}
