import { StowageError } from '../../core/errors.ts';
import { parseSignalName, type SignalName, signalNumber } from '../../core/signal.ts';

/** The name. @throws `request-invalid` with dockerd's text */
export function parseSignal(text: string): SignalName {
  const name = parseSignalName(text);
  if (name !== undefined) return name;
  throw new StowageError('request-invalid', `invalid signal: ${text}`);
}

/** Events of dockerd have the number. */
export function numberOfSignal(text: string): string {
  const name = parseSignalName(text);
  return name === undefined ? text : String(signalNumber(name));
}
