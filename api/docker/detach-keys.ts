import { StowageError } from '../../core/errors.ts';

const DEFAULT_KEYS = 'ctrl-p,ctrl-q';
/** What `ctrl-` may stand before, besides letters; the codes follow those of the letters. */
const CONTROL_AFTER_Z = '[\\]^_';

/** `a` or `ctrl-a`, one or more with commas; empty: the default. @throws `request-invalid` */
export function parseDetachKeys(text: string): Buffer {
  return Buffer.from(
    (text === '' ? DEFAULT_KEYS : text).split(',').map((key) => {
      const code = codeOf(key);
      if (code !== undefined) return code;
      throw new StowageError('request-invalid', `Invalid detach keys (${text}) provided: Unknown character: '${key}'`);
    }),
  );
}

function codeOf(key: string): number | undefined {
  if (/^[ -~]$/.test(key)) return key.charCodeAt(0);
  const control = /^ctrl-(.)$/.exec(key)?.[1];
  if (control === undefined) return undefined;
  if (control === '@') return 0;
  if (/[a-z]/.test(control)) return control.charCodeAt(0) - 0x60;
  const at = CONTROL_AFTER_Z.indexOf(control);
  return at === -1 ? undefined : 27 + at;
}

/** Looks for the keys in what is typed. What could be their beginning is held back until the next byte tells. */
export class DetachKeys {
  readonly #keys: Buffer;
  #held: Buffer = Buffer.alloc(0);

  constructor(keys: Buffer) {
    this.#keys = keys;
  }

  /** @returns what is input, and whether the keys came behind it: nothing after them is looked at */
  feed(bytes: Uint8Array): { readonly input: Buffer; readonly isDetached: boolean } {
    const input: number[] = [];
    for (const byte of bytes) {
      this.#held = Buffer.concat([this.#held, Buffer.of(byte)]);
      for (; !this.#isBeginning(); this.#held = this.#held.subarray(1)) input.push(this.#held[0] ?? 0);
      if (this.#held.length === this.#keys.length) return { input: Buffer.from(input), isDetached: true };
    }
    return { input: Buffer.from(input), isDetached: false };
  }

  #isBeginning(): boolean {
    return this.#keys.subarray(0, this.#held.length).equals(this.#held);
  }
}
