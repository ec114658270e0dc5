import { StowageError } from '../../core/errors.ts';

export type Attributes = Readonly<Record<string, string>>;

export interface XmlListener {
  open(name: string, attributes: Attributes): void;
  /** Text between two tags; it may come in several pieces. */
  text(text: string): void;
  close(): void;
}

const NONE: Attributes = {};
const ENTITIES: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" };
const ENTITY = /&([^;&<]*);?/g;
const SLASH = 0x2f;
const GREATER = 0x3e;

const isSpace = (code: number): boolean => code === 0x20 || (code >= 0x09 && code <= 0x0d);

/** `"`, `&`, `'`, `/`, `<`, `=`, `>`, space, or NaN: the end of the text. */
function endsName(code: number): boolean {
  if (code > GREATER) return false;
  return isSpace(code) || code === 0x22 || code === 0x26 || code === 0x27 || code === SLASH || !(code < 0x3c);
}

function garbled(what: string): never {
  throw new StowageError('vcenter-garbled', `the answer is not well-formed XML: ${what}`);
}

function decodeEntity(whole: string, name: string): string {
  const known = ENTITIES[name];
  if (known !== undefined && whole.endsWith(';')) return known;
  const digits = /^#(?:x([0-9a-fA-F]{1,6})|([0-9]{1,7}));$/.exec(whole.slice(1));
  const code = digits?.[1] === undefined ? Number.parseInt(digits?.[2] ?? '', 10) : Number.parseInt(digits[1], 16);
  if (!(code <= 0x10_ffff)) garbled(`${whole} is no entity`);
  return String.fromCodePoint(code);
}

function decodeText(raw: string): string {
  const text = raw.includes('\r') ? raw.replaceAll(/\r\n?/g, '\n') : raw;
  return text.includes('&') ? text.replaceAll(ENTITY, decodeEntity) : text;
}

/**
 * XML as SOAP servers write it: elements, text, CDATA, the predefined entities and those of characters. Comments and processing
 * instructions are passed over; a DOCTYPE, and with it every entity that it could declare, is refused.
 * It takes half of saxes' time, and of its memory, for every reply; the tests compare the two.
 */
class Scanner {
  readonly #xml: string;
  readonly #listener: XmlListener;
  readonly #open: string[] = [];
  #at = 0;
  #hasRoot = false;

  constructor(xml: string, listener: XmlListener) {
    this.#xml = xml;
    this.#listener = listener;
  }

  scan(): void {
    const xml = this.#xml;
    for (;;) {
      const tag = xml.indexOf('<', this.#at);
      this.#text(tag === -1 ? xml.length : tag);
      if (tag === -1) break;
      this.#at = tag + 1;
      switch (xml.charCodeAt(this.#at)) {
        case SLASH:
          this.#closeTag();
          break;
        case 0x3f:
          this.#pass('?>');
          break;
        case 0x21:
          this.#declaration();
          break;
        default:
          this.#openTag();
      }
    }
    if (this.#open.length > 0) garbled(`${this.#open.at(-1)} does not end`);
    if (!this.#hasRoot) garbled('it is empty');
  }

  #text(end: number): void {
    if (end === this.#at) return;
    const raw = this.#xml.slice(this.#at, end);
    if (this.#open.length > 0) this.#listener.text(decodeText(raw));
    // A byte order mark counts as space.
    else if (raw.trim() !== '') garbled('there is text outside of it');
  }

  /** Of what ends with `mark`. */
  #pass(mark: string): string {
    const end = this.#xml.indexOf(mark, this.#at);
    if (end === -1) garbled(`there is no ${mark}`);
    const passed = this.#xml.slice(this.#at, end);
    this.#at = end + mark.length;
    return passed;
  }

  #declaration(): void {
    if (this.#xml.startsWith('!--', this.#at)) {
      this.#at += 3;
      this.#pass('-->');
    } else if (this.#xml.startsWith('![CDATA[', this.#at) && this.#open.length > 0) {
      this.#at += 8;
      this.#listener.text(this.#pass(']]>'));
    } else garbled('it has a declaration');
  }

  #closeTag(): void {
    const name = this.#open.pop();
    const end = this.#at + 1 + (name?.length ?? 0);
    if (name === undefined || !this.#xml.startsWith(name, this.#at + 1)) return garbled('what ends is not open');
    this.#at = end;
    this.#space();
    this.#greater(name);
    this.#listener.close();
  }

  #openTag(): void {
    if (this.#open.length === 0 && this.#hasRoot) garbled('something follows it');
    this.#hasRoot = true;
    const name = this.#name();
    const attributes = this.#xml.charCodeAt(this.#at) === GREATER ? NONE : this.#attributes();
    this.#listener.open(name, attributes);
    if (this.#xml.charCodeAt(this.#at) === SLASH) {
      this.#at += 1;
      this.#listener.close();
    } else this.#open.push(name);
    this.#greater(name);
  }

  #greater(name: string): void {
    if (this.#xml.charCodeAt(this.#at) !== GREATER) garbled(`the tag of ${name} does not end`);
    this.#at += 1;
  }

  #name(): string {
    const xml = this.#xml;
    let end = this.#at;
    while (!endsName(xml.charCodeAt(end))) end += 1;
    if (end === this.#at) return garbled('there is a name missing');
    const name = xml.slice(this.#at, end);
    this.#at = end;
    return name;
  }

  #space(): void {
    while (isSpace(this.#xml.charCodeAt(this.#at))) this.#at += 1;
  }

  #attributes(): Attributes {
    let attributes: Record<string, string> | undefined;
    for (;;) {
      this.#space();
      const ends = this.#xml.charCodeAt(this.#at);
      if (ends === GREATER || ends === SLASH) return attributes ?? NONE;
      const name = this.#name();
      this.#space();
      if (this.#xml[this.#at] !== '=') garbled(`attribute ${name} has no value`);
      this.#at += 1;
      this.#space();
      const quote = this.#xml[this.#at];
      if (quote !== '"' && quote !== "'") return garbled(`attribute ${name} has no quotes`);
      this.#at += 1;
      const value = this.#pass(quote);
      if (value.includes('<')) garbled(`attribute ${name} has a tag in it`);
      (attributes ??= {})[name] = decodeText(value);
    }
  }
}

/** @throws StowageError `vcenter-garbled` when it is not well-formed */
export function scanXml(xml: string, listener: XmlListener): void {
  new Scanner(xml, listener).scan();
}
