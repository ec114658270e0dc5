import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';

// Between the client under test and any vCenter: records the SOAP requests, and misbehaves on demand. Works alike for the lab
// and for the stock simulator.

/** What is done with a call. `cut-before`: nothing reaches vCenter. `cut-after`: it took effect, its answer is lost. */
export type Mischief =
  | { readonly type: 'cut-before' | 'cut-after' | 'empty' | 'truncate' | 'html' | 'unavailable' }
  | { readonly type: 'delay'; readonly ms: number }
  | { readonly type: 'fault'; readonly fault: string; readonly detail?: string };

export interface RecordedCall {
  readonly method: string;
  readonly body: string;
  readonly cookie: string | undefined;
}

export interface SoapProxy {
  /** With `/sdk`. */
  readonly url: string;
  readonly calls: readonly RecordedCall[];
  /** Does this to the next `times` calls of a method (default 1). */
  disturb(method: string, mischief: Mischief, times?: number): void;
  /** vCenter is somewhere else now, e.g. after a restart. */
  retarget(target: string): void;
  close(): Promise<void>;
}

export interface ProxyOptions {
  /** Where `/sdk` and `/folder` are. */
  readonly target: string;
  readonly tls?: { readonly key: string; readonly cert: string };
  /** Default: a free one. */
  readonly port?: number;
}

const METHOD = /<(?:\w+:)?Body[^>]*><(?:\w+:)?(\w+)/;

async function bodyOf(message: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

function forward(
  target: URL,
  { incoming, response }: { readonly incoming: IncomingMessage; readonly response: ServerResponse },
  body: Buffer,
): Promise<{ readonly head: IncomingMessage; readonly body: Buffer }> {
  return new Promise((resolve, reject) => {
    const { method, url: path, headers } = incoming;
    const outgoing = request({ host: target.hostname, port: target.port, method, path, headers }, (head) => {
      bodyOf(head).then((answer) => resolve({ head, body: answer }), reject);
    });
    outgoing.once('error', reject);
    // A poll that nobody waits for any more ends on the other side too.
    response.once('close', () => outgoing.destroy());
    outgoing.end(body);
  });
}

function faultEnvelope(type: string, detail: string): string {
  return [
    '<?xml version="1.0" encoding="UTF-8"?><soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"',
    ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><soapenv:Body><soapenv:Fault><faultcode>ServerFaultCode</faultcode>',
    `<faultstring>said by the proxy</faultstring><detail><${type}Fault xmlns="urn:vim25" xsi:type="${type}">${detail}</${type}Fault>`,
    '</detail></soapenv:Fault></soapenv:Body></soapenv:Envelope>',
  ].join('');
}

class RecordingProxy implements SoapProxy {
  readonly calls: RecordedCall[] = [];
  #target: URL;
  readonly #server: Server;
  readonly #isTls: boolean;
  readonly #plans: { readonly method: string; readonly mischief: Mischief; times: number }[] = [];

  constructor(options: ProxyOptions) {
    this.#target = new URL(options.target);
    this.#isTls = options.tls !== undefined;
    const serve = (incoming: IncomingMessage, response: ServerResponse): void => {
      this.#serve(incoming, response).catch(() => response.destroy());
    };
    this.#server = options.tls === undefined ? createServer(serve) : createTlsServer(options.tls, serve);
  }

  get url(): string {
    const { port } = this.#server.address() as AddressInfo;
    return `${this.#isTls ? 'https' : 'http'}://127.0.0.1:${port}/sdk`;
  }

  listen(port: number): Promise<void> {
    return new Promise((resolve) => this.#server.listen(port, '127.0.0.1', resolve));
  }

  disturb(method: string, mischief: Mischief, times = 1): void {
    this.#plans.push({ method, mischief, times });
  }

  retarget(target: string): void {
    this.#target = new URL(target);
  }

  close(): Promise<void> {
    this.#server.closeAllConnections();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }

  #planFor(method: string): Mischief | undefined {
    const plan = this.#plans.find((one) => one.method === method && one.times > 0);
    if (plan === undefined) return undefined;
    plan.times -= 1;
    return plan.mischief;
  }

  async #serve(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await bodyOf(incoming);
    const isSoap = incoming.url === '/sdk';
    const text = isSoap ? body.toString('utf8') : '';
    const method = isSoap ? (METHOD.exec(text)?.[1] ?? '') : `${incoming.method} /folder`;
    this.calls.push({ method, body: text, cookie: incoming.headers.cookie });
    const mischief = this.#planFor(method);
    switch (mischief?.type) {
      case 'cut-before':
        incoming.socket.destroy();
        return;
      case 'unavailable':
        response.writeHead(503, { 'Content-Type': 'text/plain' }).end('starting');
        return;
      case 'html':
        response.writeHead(200, { 'Content-Type': 'text/html' }).end('<html><body>Sign in<br></body></html>');
        return;
      case 'empty':
        response.writeHead(200).end();
        return;
      case 'fault':
        response
          .writeHead(500, { 'Content-Type': 'text/xml' })
          .end(faultEnvelope(mischief.fault, mischief.detail ?? ''));
        return;
      case 'delay':
        await new Promise((resolve) => setTimeout(resolve, mischief.ms));
        break;
      case 'cut-after':
      case 'truncate':
      case undefined:
        break;
    }
    const answer = await forward(this.#target, { incoming, response }, body);
    if (mischief?.type === 'cut-after') {
      incoming.socket.destroy();
      return;
    }
    const { 'transfer-encoding': _, 'content-length': __, ...headers } = answer.head.headers;
    const sent = mischief?.type === 'truncate' ? answer.body.subarray(0, answer.body.length / 2) : answer.body;
    response.writeHead(answer.head.statusCode ?? 502, headers).end(sent);
  }
}

export async function startSoapProxy(options: ProxyOptions): Promise<SoapProxy> {
  const proxy = new RecordingProxy(options);
  await proxy.listen(options.port ?? 0);
  return proxy;
}
