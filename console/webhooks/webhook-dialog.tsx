import { useId, useState } from 'preact/hooks';
import { request } from '../api/client.ts';
import type { EventType, NewWebhook, Webhook, WebhookFormat } from '../api/webhook.ts';
import { useQuery } from '../live/query.ts';
import { FormDialog } from '../ui/form-dialog.tsx';

const FORMATS: readonly (readonly [WebhookFormat, string])[] = [
  ['standard', 'The event as JSON'],
  ['cloudevents-binary', 'CloudEvents 1.0, binary mode'],
];

interface WebhookDialogProps {
  /** The one that is changed; a new one is made otherwise. */
  readonly webhook?: Webhook;
  readonly onClose: () => void;
  readonly onDone: (webhook: Webhook | NewWebhook) => void;
}

export function WebhookDialog({ webhook, onClose, onDone }: WebhookDialogProps) {
  const id = useId();
  const types = useQuery<{ readonly items: readonly EventType[] }>('/v1/event-types').data?.items ?? [];
  const [url, setUrl] = useState(webhook?.url ?? '');
  const [wanted, setWanted] = useState((webhook?.eventTypes ?? ['*']).join(', '));
  const [description, setDescription] = useState(webhook?.description ?? '');
  const [format, setFormat] = useState<WebhookFormat>(webhook?.format ?? 'standard');

  const run = async (): Promise<void> => {
    const eventTypes = wanted.split(/[\s,]+/).filter((each) => each !== '');
    const body = { url: url.trim(), eventTypes, description: description.trim(), format };
    const answer =
      webhook === undefined
        ? await request<NewWebhook>('POST', '/v1/webhooks', { body })
        : await request<Webhook>('PATCH', `/v1/webhooks/${webhook.id}`, { body });
    onDone(answer.body);
  };

  return (
    <FormDialog
      title={webhook === undefined ? 'New webhook' : 'Change the webhook'}
      word={webhook === undefined ? 'Make the webhook' : 'Change it'}
      isWide
      onClose={onClose}
      run={run}
    >
      <div class="field">
        <label for={`${id}-url`}>URL</label>
        <input
          id={`${id}-url`}
          class="input mono"
          type="url"
          value={url}
          maxLength={2_000}
          placeholder="https://receiver.example/hooks/stowage"
          required
          onInput={(event) => setUrl(event.currentTarget.value)}
        />
      </div>
      <div class="field">
        <label for={`${id}-types`}>Events: types, groups as volume.*, or *</label>
        <input
          id={`${id}-types`}
          class="input mono"
          value={wanted}
          spellcheck={false}
          autoComplete="off"
          required
          list={`${id}-list`}
          onInput={(event) => setWanted(event.currentTarget.value)}
        />
        <datalist id={`${id}-list`}>
          {types.map(({ type, description: words }) => (
            <option key={type} value={type}>
              {words}
            </option>
          ))}
        </datalist>
      </div>
      <div class="field">
        <label for={`${id}-words`}>Description</label>
        <input
          id={`${id}-words`}
          class="input"
          value={description}
          maxLength={500}
          onInput={(event) => setDescription(event.currentTarget.value)}
        />
      </div>
      <div class="field">
        <label for={`${id}-format`}>Format</label>
        <select
          id={`${id}-format`}
          class="input"
          value={format}
          onChange={(event) => setFormat(FORMATS[event.currentTarget.selectedIndex]?.[0] ?? 'standard')}
        >
          {FORMATS.map(([value, words]) => (
            <option key={value} value={value}>
              {words}
            </option>
          ))}
        </select>
      </div>
    </FormDialog>
  );
}
