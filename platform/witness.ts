import { AsyncLocalStorage } from 'node:async_hooks';

/** A call to another server, as it ended. Nothing of its content is in it. */
export interface WitnessedCall {
  readonly name: string;
  readonly durationMs: number;
  /** `ok`, or what went wrong. */
  readonly outcome: string;
  readonly facts: Readonly<Record<string, string | number | boolean>>;
}

/** Who is told what work does: its calls to other servers, and the lines that it logs, as they are written. Must be quick, and never throw. */
export interface Witness {
  call(call: WitnessedCall): void;
  line(json: string): void;
}

const witnesses = new AsyncLocalStorage<Witness>();

/** Runs `work`; the witness is told of whatever it does, and of what it leaves behind, too. */
export function witnessed<T>(witness: Witness, work: () => T): T {
  return witnesses.run(witness, work);
}

export function currentWitness(): Witness | undefined {
  return witnesses.getStore();
}
