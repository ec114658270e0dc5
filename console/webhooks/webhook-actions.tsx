import { useId, useState } from 'preact/hooks';
import { useLocation } from 'preact-iso/router';
import { request } from '../api/client.ts';
import type { NewWebhook, Webhook } from '../api/webhook.ts';
import { ActionButton } from '../ui/action-button.tsx';
import { FormDialog } from '../ui/form-dialog.tsx';
import { SecretDialog } from '../ui/secret.tsx';
import { tell } from '../ui/toast.tsx';
import { WebhookDialog } from './webhook-dialog.tsx';
import { SECRET_WORDS } from './webhook-state.tsx';

type Open = 'edit' | 'replay' | undefined;

export function WebhookActions({ webhook, onDone }: { readonly webhook: Webhook; readonly onDone: () => void }) {
  const [open, setOpen] = useState<Open>();
  const [secret, setSecret] = useState<string>();
  const { route } = useLocation();
  const path = `/v1/webhooks/${webhook.id}`;
  const isEnabled = webhook.state === 'enabled';
  const close = (): void => setOpen(undefined);
  const show = (what: Open) => async () => {
    setOpen(what);
    return undefined;
  };
  return (
    <>
      <ActionButton
        label="Send a test"
        icon="run"
        needs="admin"
        isPrimary
        unless={isEnabled ? undefined : 'It is disabled.'}
        run={async () => {
          await request('POST', `${path}/test`);
          onDone();
          return 'A test event is on its way: see the deliveries.';
        }}
      />
      <ActionButton label="Change" icon="edit" needs="admin" run={show('edit')} />
      <ActionButton
        label="Replay"
        icon="redrive"
        needs="admin"
        unless={isEnabled ? undefined : 'It is disabled.'}
        run={show('replay')}
      />
      <ActionButton
        label="Rotate the secret"
        icon="key"
        needs="admin"
        confirm={{
          title: 'Make a new secret?',
          body: <p>For a day both the new one and the old one sign, so that the receiver can change over.</p>,
          word: 'Make it',
        }}
        run={async () => {
          setSecret((await request<NewWebhook>('POST', `${path}/rotate`, { body: {} })).body.secret);
          onDone();
          return undefined;
        }}
      />
      <ActionButton
        label={isEnabled ? 'Disable' : 'Enable'}
        icon="off"
        needs="admin"
        run={async () => {
          await request('PATCH', path, { body: { state: isEnabled ? 'disabled' : 'enabled' } });
          onDone();
          return isEnabled ? 'Nothing is sent there any more.' : 'Events are sent there again, from now on.';
        }}
      />
      <ActionButton
        label="Remove"
        icon="trash"
        needs="admin"
        isDanger
        confirm={{
          title: 'Remove this webhook?',
          body: <p>Its deliveries go with it, those that wait for another attempt, too.</p>,
        }}
        run={async () => {
          await request('DELETE', path);
          route('/console/webhooks');
          return 'The webhook is removed.';
        }}
      />
      {open === 'edit' && (
        <WebhookDialog
          webhook={webhook}
          onClose={close}
          onDone={() => {
            close();
            onDone();
            tell('The webhook is changed.');
          }}
        />
      )}
      {open === 'replay' && <ReplayDialog path={path} onClose={close} />}
      {secret !== undefined && (
        <SecretDialog
          title="The new secret"
          words={SECRET_WORDS}
          secret={secret}
          onClose={() => setSecret(undefined)}
        />
      )}
    </>
  );
}

/** What an input of the type `datetime-local` reads: the time here, to the minute. */
function localMinute(ms: number): string {
  return new Date(ms - new Date(ms).getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

const HOUR_MS = 3_600_000;

function ReplayDialog({ path, onClose }: { readonly path: string; readonly onClose: () => void }) {
  const id = useId();
  const [since, setSince] = useState(() => localMinute(Date.now() - HOUR_MS));
  const [until, setUntil] = useState('');
  const run = async (): Promise<void> => {
    const body = {
      since: new Date(since).toISOString(),
      ...(until === '' ? {} : { until: new Date(until).toISOString() }),
    };
    await request('POST', `${path}/replay`, { body });
    tell('The events of that time are sent again, under the ids that they had.');
    onClose();
  };
  const field = (name: string, words: string, value: string, set: (text: string) => void, isRequired: boolean) => (
    <div class="field">
      <label for={`${id}-${name}`}>{words}</label>
      <input
        id={`${id}-${name}`}
        class="input"
        type="datetime-local"
        value={value}
        required={isRequired}
        onInput={(event) => set(event.currentTarget.value)}
      />
    </div>
  );
  return (
    <FormDialog title="Send events again" word="Send again" isReady={since !== ''} onClose={onClose} run={run}>
      <p>What this webhook wants of that time, as far as events are kept. Times are this browser's.</p>
      {field('since', 'From', since, setSince, true)}
      {field('until', 'To (now when empty)', until, setUntil, false)}
    </FormDialog>
  );
}
