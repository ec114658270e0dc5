import { StowageError } from '../../core/errors.ts';
import type { TerminalSize } from '../../core/exec.ts';

/** `h` and `w` of a resize. undefined: the client does not know them itself (0). @throws `request-invalid` with dockerd's text */
export function terminalSizeOf(query: URLSearchParams): TerminalSize | undefined {
  const [rows, cols] = ['h', 'w'].map((name) => {
    const text = query.get(name) ?? '';
    if (/^\d{1,5}$/.test(text)) return Number(text);
    throw new StowageError(
      'request-invalid',
      `invalid resize ${name === 'h' ? 'height' : 'width'} "${text}": invalid syntax`,
    );
  });
  return consoleSizeOf([rows, cols]);
}

/** `[rows, columns]` as bodies have it. undefined: it is not known. */
export function consoleSizeOf(value: unknown): TerminalSize | undefined {
  const [rows, cols]: readonly unknown[] = Array.isArray(value) ? value : [];
  return typeof rows === 'number' && typeof cols === 'number' && rows > 0 && cols > 0 ? { rows, cols } : undefined;
}
