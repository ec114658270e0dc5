import {
  createCipheriv,
  createDecipheriv,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  hkdfSync,
  type KeyObject,
} from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { StowageError } from '../core/errors.ts';
import type { CredentialOffers, CredentialRequests } from '../core/ports/credentials.ts';
import type { RegistryCredentials } from '../core/ports/registry.ts';
import type { RedisClient } from './redis.ts';

// Redis' publish/subscribe carries the question and the sealed answer; neither is kept anywhere. The answer is sealed for the one who
// asked (X25519, HKDF-SHA256, AES-256-GCM; RFC 7748, RFC 5869), so who else listens learns nothing.

const ASK_AGAIN_MS = 250;
const GIVE_UP_MS = 5_000;
const KEY_BYTES = 32;
const IV_BYTES = 12;

const credentialsSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('password'), username: z.string(), password: z.string() }),
  z.object({ type: z.literal('identity-token'), token: z.string() }),
  z.object({ type: z.literal('registry-token'), token: z.string() }),
]);
const messageSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('ask'), ticket: z.string(), nonce: z.string(), publicKey: z.string() }),
  z.object({
    type: z.literal('answer'),
    nonce: z.string(),
    publicKey: z.string(),
    iv: z.string(),
    sealed: z.string(),
    tag: z.string(),
  }),
]);
type Ask = Extract<z.infer<typeof messageSchema>, { type: 'ask' }>;
type Answer = Extract<z.infer<typeof messageSchema>, { type: 'answer' }>;

export function createCredentialExchange(parts: {
  readonly client: RedisClient;
  readonly subscriber: RedisClient;
  readonly channel: string;
  readonly randomBytes: (size: number) => Uint8Array;
}): CredentialOffers & CredentialRequests {
  const { client, subscriber, channel, randomBytes } = parts;
  const offered = new Map<string, RegistryCredentials>();
  const asked = new Map<string, (answer: Answer) => void>();
  const publish = (message: Ask | Answer): void => {
    client.publish(channel, JSON.stringify(message)).catch(() => undefined);
  };
  const randomText = (): string => Buffer.from(randomBytes(16)).toString('hex');

  subscriber.on('message', (from: string, text: string) => {
    if (from !== channel) return;
    const message = parseMessage(text);
    if (message?.type === 'answer') asked.get(message.nonce)?.(message);
    const credentials = message?.type === 'ask' ? offered.get(message.ticket) : undefined;
    if (message?.type !== 'ask' || credentials === undefined) return;
    const answer = seal(message, credentials, randomBytes(IV_BYTES));
    if (answer !== undefined) publish(answer);
  });
  void subscriber.subscribe(channel).catch(() => undefined);

  return {
    offer(credentials) {
      const ticket = randomText();
      offered.set(ticket, credentials);
      return { ticket, withdraw: () => void offered.delete(ticket) };
    },
    async ask(ticket, signal) {
      const nonce = randomText();
      const { publicKey, privateKey } = generateKeyPairSync('x25519');
      const { promise, resolve } = Promise.withResolvers<RegistryCredentials>();
      asked.set(nonce, (answer) => {
        const credentials = unseal(answer, privateKey);
        if (credentials !== undefined) resolve(credentials);
      });
      const end = new AbortController();
      try {
        return await Promise.race([promise, askUntil(AbortSignal.any([signal, end.signal]))]);
      } finally {
        end.abort();
        asked.delete(nonce);
      }

      /** The one that has them may be subscribing again just now. */
      async function askUntil(stopped: AbortSignal): Promise<never> {
        for (let waited = 0; waited < GIVE_UP_MS; waited += ASK_AGAIN_MS) {
          publish({ type: 'ask', ticket, nonce, publicKey: exported(publicKey) });
          await sleep(ASK_AGAIN_MS, undefined, { signal: stopped });
        }
        throw new StowageError('credentials-gone', 'the credentials went with the process that took the request');
      }
    },
  };
}

function parseMessage(text: string): Ask | Answer | undefined {
  try {
    return messageSchema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

function exported(key: KeyObject): string {
  return key.export({ format: 'der', type: 'spki' }).toString('base64');
}

/** @throws what `node:crypto` throws for a key that is none */
function sharedKey(publicKey: string, privateKey: KeyObject, nonce: string): Buffer {
  const other = createPublicKey({ key: Buffer.from(publicKey, 'base64'), format: 'der', type: 'spki' });
  const secret = diffieHellman({ publicKey: other, privateKey });
  return Buffer.from(hkdfSync('sha256', secret, nonce, 'stowage credentials', KEY_BYTES));
}

/** undefined for a question with a key that is none. */
function seal(ask: Ask, credentials: RegistryCredentials, iv: Uint8Array): Answer | undefined {
  const { publicKey, privateKey } = generateKeyPairSync('x25519');
  const key = sharedKeyIfGood(ask, privateKey);
  if (key === undefined) return undefined;
  const cipher = createCipheriv('aes-256-gcm', key, iv);
  const sealed = Buffer.concat([cipher.update(JSON.stringify(credentials), 'utf8'), cipher.final()]);
  return {
    type: 'answer',
    nonce: ask.nonce,
    publicKey: exported(publicKey),
    iv: Buffer.from(iv).toString('base64'),
    sealed: sealed.toString('base64'),
    tag: cipher.getAuthTag().toString('base64'),
  };
}

function sharedKeyIfGood({ publicKey, nonce }: Ask, privateKey: KeyObject): Buffer | undefined {
  try {
    return sharedKey(publicKey, privateKey, nonce);
  } catch {
    return undefined;
  }
}

/** undefined for what was not sealed for us, or is not credentials. */
function unseal(answer: Answer, privateKey: KeyObject): RegistryCredentials | undefined {
  try {
    const key = sharedKey(answer.publicKey, privateKey, answer.nonce);
    const cipher = createDecipheriv('aes-256-gcm', key, Buffer.from(answer.iv, 'base64'));
    cipher.setAuthTag(Buffer.from(answer.tag, 'base64'));
    const text = Buffer.concat([cipher.update(Buffer.from(answer.sealed, 'base64')), cipher.final()]).toString('utf8');
    return credentialsSchema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}
