import { StowageError } from '../../core/errors.ts';
import type { OperationName } from '../schema/table.ts';
import { parseSpec } from '../schema/table.ts';
import { childFrame, closeFrame, type Frame, frameOf, type Plan, type PlannedField } from './frame.ts';
import { type Attributes, scanXml, type XmlListener } from './scan.ts';

// Replies, typed by the schema table while they are parsed. Unknown elements are skipped; of types that the table does not
// have (most faults) everything is kept as it comes.

/** A fault as decoded: its own fields beside `xsiType`, `faultCause`, `faultMessage`. */
export interface DecodedFault {
  readonly xsiType: string;
  readonly [field: string]: unknown;
}

export type Outcome =
  | { readonly kind: 'result'; readonly value: unknown }
  | { readonly kind: 'fault'; readonly fault: DecodedFault; readonly message: string };

const spec = parseSpec;
const DETAIL: Plan = { type: '#detail', item: 'MethodFault' };
const FAULT: Plan = {
  type: '#fault',
  fields: new Map<string, PlannedField>([
    ['faultcode', spec('faultcode', 'string?')],
    ['faultstring', spec('faultstring', 'string?')],
    ['detail', { ...spec('detail', '#detail?'), plan: DETAIL }],
  ]),
};

function rootPlan(operation: OperationName, result: string | undefined): Plan {
  const fields = new Map<string, PlannedField>();
  if (result !== undefined) fields.set('returnval', spec('returnval', result));
  const response: Plan = { type: '#response', fields };
  const body: Plan = {
    type: '#body',
    fields: new Map<string, PlannedField>([
      ['response', { ...spec('response', '#response?'), plan: response }],
      ['Fault', { ...spec('fault', '#fault?'), plan: FAULT }],
    ]),
    alias: { from: `${operation}Response`, to: 'response' },
  };
  const envelope: Plan = {
    type: '#envelope',
    fields: new Map<string, PlannedField>([['Body', { ...spec('body', '#body'), plan: body }]]),
  };
  return {
    type: '#root',
    fields: new Map<string, PlannedField>([['Envelope', { ...spec('envelope', '#envelope'), plan: envelope }]]),
  };
}

interface Reply {
  readonly envelope?: {
    readonly body?: {
      readonly response?: { readonly returnval?: unknown };
      readonly fault?: { readonly faultstring?: string; readonly detail?: readonly DecodedFault[] };
    };
  };
}

export class ReplyDecoder {
  readonly #roots = new Map<OperationName, Plan>();

  /** @throws StowageError `vcenter-garbled` when it is not the SOAP reply to this operation */
  decode(operation: OperationName, result: string | undefined, xml: string): Outcome {
    let root = this.#roots.get(operation);
    if (root === undefined) {
      root = rootPlan(operation, result);
      this.#roots.set(operation, root);
    }
    const { envelope } = parse(root, xml) as Reply;
    const fault = envelope?.body?.fault;
    if (fault !== undefined) {
      const message = fault.faultstring ?? '';
      return { kind: 'fault', fault: fault.detail?.[0] ?? { xsiType: 'MethodFault' }, message };
    }
    const response = envelope?.body?.response;
    if (response === undefined)
      throw new StowageError('vcenter-garbled', `the answer to ${operation} is not its response`);
    if (response.returnval === undefined && result !== undefined && parseSpec('', result).isRequired) {
      throw new StowageError('vcenter-garbled', `the answer to ${operation} is empty`);
    }
    return { kind: 'result', value: response.returnval };
  }
}

function parse(root: Plan, xml: string): unknown {
  const out = {};
  scanXml(xml, new FrameStack(frameOf(root, out)));
  return out;
}

class FrameStack implements XmlListener {
  readonly #stack: Frame[];
  #top: Frame;
  /** Of elements that are passed over. */
  #skipDepth = 0;

  constructor(root: Frame) {
    this.#stack = [];
    this.#top = root;
  }

  open(name: string, attributes: Attributes): void {
    if (this.#skipDepth > 0) {
      this.#skipDepth += 1;
      return;
    }
    const frame = childFrame(this.#top, name, attributes);
    if (frame === undefined) {
      this.#skipDepth = 1;
      return;
    }
    this.#stack.push(this.#top);
    this.#top = frame;
  }

  text(text: string): void {
    if (this.#skipDepth === 0 && this.#top.text !== undefined) this.#top.text += text;
  }

  close(): void {
    if (this.#skipDepth > 0) {
      this.#skipDepth -= 1;
      return;
    }
    closeFrame(this.#top);
    // The scan closes what it has opened, and no more.
    this.#top = this.#stack.pop() ?? this.#top;
  }
}
