import { createHmac } from 'node:crypto';
import type { SigningEndpoint } from '../../core/ports/webhooks.ts';
import type { Delivery } from '../../core/webhook-delivery.ts';
import { activeSecrets, secretBytes } from '../../core/webhook.ts';

/** One attempt as it goes over the wire. */
export interface WebhookMessage {
  readonly headers: Readonly<Record<string, string>>;
  /** Exactly what was signed. */
  readonly body: Buffer;
}

/** CloudEvents wants a URI reference that names the producer. */
const CE_SOURCE = 'stowage';

/**
 * Standard Webhooks: the id is the delivery's in every attempt, the time the attempt's, and each secret that is valid signs
 * `<id>.<time>.<body>` with HMAC-SHA256.
 */
export function messageOf(endpoint: SigningEndpoint, delivery: Delivery, nowMs: number): WebhookMessage {
  const content = contentOf(endpoint, delivery);
  const timestamp = String(Math.floor(nowMs / 1_000));
  const sign = (secret: string): string =>
    `v1,${createHmac('sha256', secretBytes(secret)).update(`${delivery.id}.${timestamp}.`).update(content.body).digest('base64')}`;
  return {
    body: content.body,
    headers: {
      ...content.headers,
      'user-agent': 'Stowage-Webhooks',
      'webhook-id': delivery.id,
      'webhook-timestamp': timestamp,
      'webhook-signature': activeSecrets(endpoint.secrets, nowMs).map(sign).join(' '),
    },
  };
}

function contentOf({ format }: SigningEndpoint, { id, event }: Delivery): WebhookMessage {
  const { type, time, subject, data } = event;
  switch (format) {
    case 'standard':
      return {
        headers: { 'content-type': 'application/json' },
        body: Buffer.from(JSON.stringify({ type, timestamp: time, id: event.id, subject, data })),
      };
    case 'cloudevents-binary':
      return {
        headers: {
          'content-type': 'application/json',
          'ce-specversion': '1.0',
          'ce-id': id,
          'ce-source': CE_SOURCE,
          'ce-type': type,
          'ce-time': time,
          'ce-subject': headerText(subject),
          'ce-sequence': event.id,
        },
        body: Buffer.from(JSON.stringify(data)),
      };
  }
}

/** CloudEvents' HTTP binding, 3.1.3.2: all but printable ASCII, and space, quote and percent, as percent-encoded UTF-8. */
function headerText(text: string): string {
  return text.replaceAll(/[^!#-$&-~]/gu, (each) =>
    [...Buffer.from(each)].map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join(''),
  );
}
