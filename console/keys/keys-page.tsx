import { useId, useState } from 'preact/hooks';
import { request } from '../api/client.ts';
import type { Key, NewKey } from '../api/key.ts';
import { useQuery } from '../live/query.ts';
import type { Role } from '../session/session.ts';
import { ActionButton } from '../ui/action-button.tsx';
import { FormDialog } from '../ui/form-dialog.tsx';
import { Page, Panel } from '../ui/page.tsx';
import { Empty, Loading, ProblemView } from '../ui/problem-view.tsx';
import { SecretDialog } from '../ui/secret.tsx';
import { type Column, Table } from '../ui/table.tsx';
import { Time } from '../ui/time.tsx';

const ROLES: readonly (readonly [Role, string])[] = [
  ['viewer', 'viewer: sees everything, changes nothing'],
  ['operator', 'operator: submits jobs, cancels, redrives'],
  ['admin', 'admin: also keys, webhooks, the audit log'],
];

export function KeysPage() {
  const query = useQuery<{ readonly items: readonly Key[] }>('/v1/keys');
  const [isMaking, setMaking] = useState(false);
  const [made, setMade] = useState<NewKey>();
  const keys = query.data?.items;
  return (
    <Page
      title="Keys"
      actions={
        <ActionButton
          label="New key"
          icon="plus"
          needs="admin"
          isPrimary
          run={async () => {
            setMaking(true);
            return undefined;
          }}
        />
      }
    >
      <p class="muted">
        A key is who somebody is: for people to sign in here, and for programs as <code>Authorization: Bearer</code>.
        Jobs and the audit log name it as the actor.
      </p>
      {query.problem !== undefined && <ProblemView problem={query.problem} onRetry={query.refetch} />}
      <Panel title="API keys" isFlush>
        {keys === undefined && query.problem === undefined && <Loading />}
        {keys?.length === 0 && <Empty title="No keys yet">The key of the configuration works all the same.</Empty>}
        {keys !== undefined && keys.length > 0 && (
          <Table label="API keys" items={keys} columns={columnsOf(query.refetch)} keyOf={({ id }) => id} />
        )}
      </Panel>
      {isMaking && (
        <NewKeyDialog
          onClose={() => setMaking(false)}
          onDone={(key) => {
            setMaking(false);
            setMade(key);
            query.refetch();
          }}
        />
      )}
      {made !== undefined && (
        <SecretDialog
          title={`The key ${made.name}`}
          words="It is shown this once: only its digest is kept. If it is lost, revoke it and make another."
          secret={made.key}
          onClose={() => setMade(undefined)}
        />
      )}
    </Page>
  );
}

function columnsOf(refetch: () => void): readonly Column<Key>[] {
  return [
    { title: 'Name', cell: ({ name }) => <strong>{name}</strong> },
    { title: 'Role', isTight: true, cell: ({ role }) => role },
    { title: 'Made', isTight: true, cell: ({ createdAt }) => <Time at={createdAt} /> },
    { title: 'By', cell: ({ createdBy }) => createdBy },
    {
      title: 'Last used',
      isTight: true,
      cell: ({ lastUsedAt }) =>
        lastUsedAt === undefined ? <span class="muted">never</span> : <Time at={lastUsedAt} />,
    },
    {
      title: 'Actions',
      isTight: true,
      isPlain: true,
      cell: (key) => (
        <ActionButton
          label="Revoke"
          icon="trash"
          needs="admin"
          isDanger
          confirm={{
            title: `Revoke the key ${key.name}?`,
            body: <p>Whoever uses it is refused from now on, and who signed in with it is signed out.</p>,
          }}
          run={async () => {
            await request('DELETE', `/v1/keys/${key.id}`);
            refetch();
            return `The key ${key.name} is revoked.`;
          }}
        />
      ),
    },
  ];
}

interface NewKeyDialogProps {
  readonly onClose: () => void;
  readonly onDone: (key: NewKey) => void;
}

function NewKeyDialog({ onClose, onDone }: NewKeyDialogProps) {
  const id = useId();
  const [name, setName] = useState('');
  const [role, setRole] = useState<Role>('viewer');
  return (
    <FormDialog
      title="New key"
      word="Make the key"
      isReady={name.trim() !== ''}
      onClose={onClose}
      run={async () => onDone((await request<NewKey>('POST', '/v1/keys', { body: { name: name.trim(), role } })).body)}
    >
      <div class="field">
        <label for={`${id}-name`}>Name: who, or what, will use it</label>
        <input
          id={`${id}-name`}
          class="input"
          value={name}
          maxLength={63}
          autoComplete="off"
          spellcheck={false}
          required
          onInput={(event) => setName(event.currentTarget.value)}
        />
      </div>
      <div class="field">
        <label for={`${id}-role`}>Role</label>
        <select
          id={`${id}-role`}
          class="input"
          value={role}
          onChange={(event) => setRole(ROLES[event.currentTarget.selectedIndex]?.[0] ?? 'viewer')}
        >
          {ROLES.map(([value, words]) => (
            <option key={value} value={value}>
              {words}
            </option>
          ))}
        </select>
      </div>
    </FormDialog>
  );
}
