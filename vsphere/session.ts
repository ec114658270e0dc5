import { isErrorCode, StowageError } from '../core/errors.ts';
import { moref } from '../core/ids.ts';
import { orAborted } from './abort.ts';
import { translateFault } from './faults.ts';
import type { OperationName } from './schema/table.ts';
import type { Params, Result, Vim } from './schema/vim.ts';
import type { SoapClient } from './soap-client.ts';

/** One login. Views, collectors and filters live as long as it does, so whoever makes them remembers it. */
export interface Login {
  readonly cookie: string;
  /** Of the session, as vCenter names it. */
  readonly key: string;
  readonly userName: string;
  readonly content: Vim<'ServiceContent'>;
}

export interface SessionOptions {
  readonly user: string;
  readonly password: string;
  readonly timeoutMs: number;
  readonly now: () => number;
}

/** vCenter locks accounts after some failed logins: a refusal stands for this long before the next try. */
const REFUSAL_HOLDS_MS = 120_000;

/**
 * none → (login) → open → (NotAuthenticated seen by a caller: `renew`) → open → … → (close) → closed.
 * However many callers find the session lost, one login is made.
 */
export class Session {
  readonly #soap: SoapClient;
  readonly #options: SessionOptions;
  #open: Login | undefined;
  #opening: Promise<Login> | undefined;
  #refusal: { readonly error: StowageError; readonly atMs: number } | undefined;
  #isClosed = false;

  constructor(soap: SoapClient, options: SessionOptions) {
    this.#soap = soap;
    this.#options = options;
  }

  /** @throws StowageError `vcenter-login-refused`, `vcenter-unreachable`, `vcenter-untrusted`, `vcenter-garbled` */
  current(signal?: AbortSignal): Promise<Login> {
    return this.#open === undefined ? this.#share(signal) : Promise.resolve(this.#open);
  }

  /** After `lost` was found to be no longer accepted. */
  renew(lost: Login, signal?: AbortSignal): Promise<Login> {
    if (this.#open === lost) this.#open = undefined;
    return this.current(signal);
  }

  get isOpen(): boolean {
    return this.#open !== undefined;
  }

  isCurrent(login: Login): boolean {
    return this.#open === login;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    const login = this.#open;
    this.#open = undefined;
    const manager = login?.content.sessionManager;
    if (login === undefined || manager === undefined) return;
    const exchange = { timeoutMs: 2_000 };
    // A session that is not ended here ends by itself, idle.
    await this.#soap
      .invoke({ operation: 'Logout', self: manager, params: {}, cookie: login.cookie, exchange })
      .catch(() => undefined);
  }

  /** The login goes on for the other callers when one of them gives up. */
  #share(signal: AbortSignal | undefined): Promise<Login> {
    this.#opening ??= this.#login().finally(() => {
      this.#opening = undefined;
    });
    return orAborted(this.#opening, signal);
  }

  async #login(): Promise<Login> {
    if (this.#isClosed) throw new StowageError('vcenter-unreachable', 'the connection to vCenter was closed');
    const { user, password, now } = this.#options;
    if (this.#refusal !== undefined && now() - this.#refusal.atMs < REFUSAL_HOLDS_MS) throw this.#refusal.error;
    const instance = moref('ServiceInstance', 'ServiceInstance');
    const content = (await this.#call('RetrieveServiceContent', instance, {})).value;
    const manager = content.sessionManager;
    if (manager === undefined) throw new StowageError('vcenter-unsupported', 'the server has no SessionManager');
    try {
      const { value, cookie } = await this.#call('Login', manager, { userName: user, password });
      if (cookie === undefined)
        throw new StowageError('vcenter-garbled', 'the login was answered without a session cookie');
      this.#refusal = undefined;
      this.#open = { cookie, key: value.key, userName: value.userName, content };
      return this.#open;
    } catch (error) {
      if (isErrorCode(error, 'vcenter-login-refused')) this.#refusal = { error, atMs: now() };
      throw error;
    }
  }

  async #call<K extends OperationName>(
    operation: K,
    self: Parameters<SoapClient['invoke']>[0]['self'],
    params: Params<K>,
  ): Promise<{ readonly value: Result<K>; readonly cookie: string | undefined }> {
    const exchange = { timeoutMs: this.#options.timeoutMs };
    const { outcome, cookie } = await this.#soap.invoke({ operation, self, params, cookie: undefined, exchange });
    if (outcome.kind === 'fault') throw translateFault(outcome, operation);
    return { value: outcome.value as Result<K>, cookie };
  }
}
