import { Client, type IHttpClient, WSDL } from 'soap';
import { StowageError } from '../core/errors.ts';
import type { Moref } from '../core/ids.ts';
import { type Outcome, ReplyDecoder } from './codec/decode.ts';
import { encodeRequest } from './codec/encode.ts';
import { type OperationName, operationOf } from './schema/table.ts';
import type { Params } from './schema/vim.ts';
import { exportWsdl } from './schema/wsdl.ts';
import type { Exchange, Transport } from './transport.ts';

export interface SoapRequest<K extends OperationName> {
  readonly operation: K;
  readonly self: Moref;
  readonly params: Params<K>;
  readonly cookie: string | undefined;
  readonly exchange: Pick<Exchange, 'signal' | 'timeoutMs' | 'beforeSend' | 'isPoll'>;
}

export interface SoapReply {
  readonly outcome: Outcome;
  readonly cookie: string | undefined;
}

type Delivered = { readonly outcome: Outcome } | { readonly error: unknown };

interface CallOptions {
  readonly deliver: (xml: string, headers: Readonly<Record<string, string>>) => Promise<Delivered>;
  readonly operation: OperationName;
  readonly exchangeId: string;
}

interface DeliveredBody {
  readonly operation: OperationName;
  readonly delivered: Delivered;
}

type SoapMethod = (args: object, done: (error: unknown, result: unknown) => void, options: CallOptions) => void;

const NEVER = new Promise<never>(() => undefined);

/**
 * node-soap makes the envelope and its headers from our WSDL; the call in it is written by the typed encoder. Its HTTP client is
 * replaced by ours (axios costs as much again as the rest, and its errors contain the request with the password), its parser by the
 * typed decoder.
 */
const httpClient: IHttpClient = {
  request(_url, xml: string, done, headers: Record<string, string>, options, client) {
    const { deliver, operation } = options as CallOptions;
    forget(client as Client);
    const exchange = async (): Promise<void> => {
      const delivered = await deliver(xml, headers);
      done(null, { status: 200, headers: {} }, { operation, delivered } satisfies DeliveredBody);
      forget(client as Client);
    };
    void exchange();
    return NEVER;
  },
};

/** node-soap keeps the last request and answer for debugging: the login's has the password in it. */
function forget(client: Client): void {
  Object.assign(client, { lastRequest: '', lastMessage: '', lastResponse: undefined });
}

function createClient(endpoint: string): Promise<Client> {
  return new Promise((resolve, reject) => {
    const wsdl = new WSDL(exportWsdl(), 'vim25', { preserveWhitespace: true });
    wsdl.onReady((error: Error | null) => {
      if (error !== null && error !== undefined) return reject(error);
      // Never throws: what goes wrong in it node-soap would decorate with the whole answer.
      wsdl.xmlToObject = ({ operation, delivered }: DeliveredBody) => ({
        Body: { [`${operation}Response`]: delivered },
      });
      resolve(new Client(wsdl, endpoint, { httpClient }));
    });
  });
}

/** One SOAP request and its answer: no session, no retry, no telemetry. */
export class SoapClient {
  readonly #transport: Transport;
  readonly #endpoint: URL;
  readonly #decoder = new ReplyDecoder();
  #client: Promise<Client> | undefined;

  constructor(transport: Transport, endpoint: URL) {
    this.#transport = transport;
    this.#endpoint = endpoint;
  }

  async invoke<K extends OperationName>(request: SoapRequest<K>): Promise<SoapReply> {
    // node-soap takes `_xml` as it is.
    const args = { _xml: encodeRequest(request.operation, request.self, request.params) };
    const client = await (this.#client ??= createClient(this.#endpoint.href));
    let cookie: string | undefined;
    const deliver: CallOptions['deliver'] = async (xml, headers) => {
      try {
        const reply = await this.#transport.send({
          method: 'POST',
          path: this.#endpoint.pathname,
          headers: request.cookie === undefined ? headers : { ...headers, Cookie: request.cookie },
          body: xml,
          ...request.exchange,
        });
        cookie = sessionCookie(reply.headers['set-cookie']);
        return { outcome: this.#decode(request.operation, reply.status, reply.body.toString('utf8')) };
      } catch (error) {
        return { error };
      }
    };
    const delivered = await this.#run(client, request.operation, args, deliver);
    if ('error' in delivered) throw delivered.error;
    return { outcome: delivered.outcome, cookie };
  }

  #run(client: Client, operation: OperationName, args: object, deliver: CallOptions['deliver']): Promise<Delivered> {
    const method = client[operation] as SoapMethod;
    return new Promise((resolve, reject) => {
      method.call(
        client,
        args,
        (error, result) => {
          if (error === null || error === undefined) resolve(result as Delivered);
          else reject(new StowageError('internal-error', `node-soap failed on ${operation}`));
        },
        // Without an id of ours it makes a random one for each call.
        { deliver, operation, exchangeId: operation },
      );
    });
  }

  /** SOAP faults come with status 500; any other status but 200 is not vCenter's SOAP endpoint speaking. */
  #decode(operation: OperationName, status: number, body: string): Outcome {
    if (status === 503 || status === 502 || status === 504) {
      throw new StowageError(
        'vcenter-unreachable',
        `${this.#transport.server} answered ${operation} with HTTP ${status}`,
      );
    }
    if (status !== 200 && status !== 500) {
      throw new StowageError('vcenter-garbled', `${this.#transport.server} answered ${operation} with HTTP ${status}`);
    }
    if (body === '') throw new StowageError('vcenter-garbled', `the answer to ${operation} is empty`);
    return this.#decoder.decode(operation, operationOf(operation).result, body);
  }
}

function sessionCookie(header: string | readonly string[] | undefined): string | undefined {
  const lines = typeof header === 'string' ? [header] : (header ?? []);
  return lines.find((line) => line.startsWith('vmware_soap_session='))?.split(';')[0];
}
