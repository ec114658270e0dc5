import type { Role } from '../session/session.ts';

/** `GET /v1/kinds`: a kind of job. */
export interface Kind {
  readonly kind: string;
  readonly summary: string;
  /** The least role that may submit it. */
  readonly role: Role;
  readonly lane: string;
  readonly steps: readonly string[];
  readonly maxAttempts: number;
  readonly deadlineMs: number;
  /** JSON Schema of what is sent. */
  readonly payload: JsonSchema;
  readonly result: JsonSchema;
}

/** Of JSON Schema, what forms look at. */
export interface JsonSchema {
  readonly type?: string | readonly string[];
  readonly description?: string;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | JsonSchema;
  readonly enum?: readonly unknown[];
  readonly items?: JsonSchema;
  readonly anyOf?: readonly JsonSchema[];
  readonly default?: unknown;
  readonly pattern?: string;
}
