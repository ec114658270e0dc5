// `WWW-Authenticate`, RFC 9110 §11.6.1: challenges, each a scheme and its parameters, in one comma-separated list.

export interface Challenge {
  /** In lower case: `bearer`, `basic`. */
  readonly scheme: string;
  /** Names in lower case. */
  readonly parameters: ReadonlyMap<string, string>;
}

const TOKEN = /[!#$%&'*+\-.^_`|~0-9A-Za-z]+/y;
const SPACE = /[ \t]*/y;
const SEPARATORS = /[ \t,]*/y;
const QUOTED = /"((?:[^"\\]|\\.)*)"/y;
const TOKEN68 = /[A-Za-z0-9\-._~+/]+=*(?=[ \t]*(?:,|$))/y;

/** What cannot be read ends the list: what was read before it counts. */
export function parseChallenges(header: string | readonly string[] | undefined): readonly Challenge[] {
  if (header === undefined) return [];
  const lines = typeof header === 'string' ? [header] : header;
  return lines.flatMap((line) => new ChallengeReader(line).read());
}

class ChallengeReader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  read(): readonly Challenge[] {
    const challenges: { scheme: string; parameters: Map<string, string> }[] = [];
    for (;;) {
      this.#take(SEPARATORS);
      const word = this.#take(TOKEN);
      if (word === undefined) return challenges;
      this.#take(SPACE);
      const current = challenges.at(-1);
      // A word before `=` is a parameter of the challenge that goes on; any other begins the next challenge.
      if (current !== undefined && this.#text[this.#at] === '=') {
        const value = this.#value();
        if (value === undefined) return challenges;
        current.parameters.set(word.toLowerCase(), value);
      } else {
        challenges.push({ scheme: word.toLowerCase(), parameters: new Map() });
        this.#take(TOKEN68);
      }
    }
  }

  #value(): string | undefined {
    this.#at += 1;
    this.#take(SPACE);
    const quoted = this.#take(QUOTED);
    return quoted === undefined ? this.#take(TOKEN) : quoted.slice(1, -1).replaceAll(/\\(.)/g, '$1');
  }

  #take(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.#text);
    if (match === null) return undefined;
    this.#at = pattern.lastIndex;
    return match[0];
  }
}
