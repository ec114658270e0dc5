import { StowageError } from '../core/errors.ts';
import type { Moref } from '../core/ids.ts';
import type { Fence } from '../core/ports/fence.ts';
import type { Outcome } from './codec/decode.ts';
import { asDecodedFault, contextOf, translateFault } from './faults.ts';
import { ExchangeError } from './network-error.ts';
import { type OperationName, operationOf } from './schema/table.ts';
import type { Params, Result, Vim } from './schema/vim.ts';
import type { Login, Session } from './session.ts';
import type { SoapClient } from './soap-client.ts';
import { traced } from './telemetry.ts';

/** A manager of the service, by its name in ServiceContent. */
export type ServiceName = {
  [K in keyof Vim<'ServiceContent'>]-?: NonNullable<Vim<'ServiceContent'>[K]> extends Moref ? K : never;
}[keyof Vim<'ServiceContent'>];

export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
  /** The call needs this login (its object lives in it): when it is lost, reject with SessionLost and log nobody in. */
  readonly login?: Login;
  readonly timeoutMs?: number;
  readonly isPoll?: boolean;
}

/** vCenter no longer knows the session; what lived in it is gone. */
export class SessionLost extends StowageError {
  constructor() {
    super('vcenter-state', 'vCenter has ended the session');
  }
}

type Tried<T> = { readonly value: T } | 'lost';

export interface CallerOptions {
  readonly soap: SoapClient;
  readonly session: Session;
  readonly server: string;
  readonly timeoutMs: number;
}

/** Typed calls within the session: logs in again when it was lost, sends reads a second time over a cut connection. */
export class VimCaller {
  readonly session: Session;
  readonly #options: CallerOptions;

  constructor(options: CallerOptions) {
    this.session = options.session;
    this.#options = options;
  }

  /** For what changes nothing that lasts. */
  read<K extends OperationName>(
    operation: K,
    self: Moref | ServiceName,
    params: Params<K>,
    options: CallOptions = {},
  ): Promise<Result<K>> {
    return this.#call(operation, self, params, options, undefined);
  }

  /** For what changes something: sent once, right after `fence.assertHeld()`. A broken connection leaves open whether it took effect. */
  change<K extends OperationName>(
    operation: K,
    self: Moref | ServiceName,
    params: Params<K>,
    fence: Fence,
  ): Promise<Result<K>> {
    return this.#call(operation, self, params, { signal: fence.signal }, () => fence.assertHeld());
  }

  /** Runs reads that belong to one login, a second time when it was lost meanwhile. */
  async withLogin<T>(signal: AbortSignal | undefined, run: (login: Login) => Promise<T>): Promise<T> {
    const login = await this.session.current(signal);
    try {
      return await run(login);
    } catch (error) {
      if (!(error instanceof SessionLost)) throw error;
      return run(await this.session.renew(login, signal));
    }
  }

  async #call<K extends OperationName>(
    operation: K,
    self: Moref | ServiceName,
    params: Params<K>,
    options: CallOptions,
    beforeSend: (() => void) | undefined,
  ): Promise<Result<K>> {
    const attempt = (login: Login): Promise<Tried<Result<K>>> =>
      this.#traced(operation, targetOf(login, self), params, { ...options, login, beforeSend });
    const login = options.login ?? (await this.session.current(options.signal));
    const first =
      options.isPoll === true ? await attempt(login) : await this.#twiceIfCut(operation, () => attempt(login));
    if (first !== 'lost') return first.value;
    if (options.login !== undefined) throw new SessionLost();
    const second = await attempt(await this.session.renew(login, options.signal));
    if (second !== 'lost') return second.value;
    throw new SessionLost();
  }

  /**
   * A kept connection may have been closed by the other side just as a request was written. What changes nothing is sent again, but
   * for polls: the updates in a lost answer may not come twice, so their caller begins anew.
   */
  async #twiceIfCut<T>(operation: OperationName, attempt: () => Promise<T>): Promise<T> {
    try {
      return await attempt();
    } catch (error) {
      const mayRepeat = operationOf(operation).changes !== true && error instanceof ExchangeError && error.wasCut;
      if (!mayRepeat) throw error;
      return attempt();
    }
  }

  #traced<K extends OperationName>(
    operation: K,
    self: Moref,
    params: Params<K>,
    options: CallOptions & { readonly login: Login; readonly beforeSend: (() => void) | undefined },
  ): Promise<Tried<Result<K>>> {
    const send = async (): Promise<Tried<Result<K>>> => {
      const { outcome } = await this.#options.soap.invoke({
        operation,
        self,
        params,
        cookie: options.login.cookie,
        exchange: {
          signal: options.signal,
          timeoutMs: options.timeoutMs ?? this.#options.timeoutMs,
          beforeSend: options.beforeSend,
          ...(options.isPoll === true ? { isPoll: true } : {}),
        },
      });
      if (isSessionLost(outcome)) return 'lost';
      if (outcome.kind === 'fault') throw translateFault(outcome, contextOf(operation, self));
      return { value: outcome.value as Result<K> };
    };
    if (options.isPoll === true) return send();
    return traced({ method: operation, server: this.#options.server, moref: self }, async (span) => {
      const tried = await send();
      if (tried === 'lost') span.setAttribute('error.type', 'NotAuthenticated');
      else if (typeof tried.value === 'string' && operation.endsWith('_Task'))
        span.setAttribute('vsphere.task', tried.value);
      return tried;
    });
  }
}

function targetOf(login: Login, self: Moref | ServiceName): Moref {
  if (self.includes(':')) return self as Moref;
  const target = login.content[self as ServiceName];
  if (target === undefined) throw new StowageError('vcenter-unsupported', `the server has no ${self}`);
  return target;
}

/** Reads without a session may be answered with `missingSet` full of NotAuthenticated instead of a fault. */
function isSessionLost(outcome: Outcome): boolean {
  if (outcome.kind === 'fault') return outcome.fault.xsiType === 'NotAuthenticated';
  const objects = (outcome.value as Vim<'RetrieveResult'> | undefined)?.objects;
  if (!Array.isArray(objects)) return false;
  return (objects as readonly Vim<'ObjectContent'>[]).some((object) =>
    object.missingSet?.some((missing) => asDecodedFault(missing.fault.fault)?.xsiType === 'NotAuthenticated'),
  );
}
