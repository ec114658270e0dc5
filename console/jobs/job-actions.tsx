import { useState } from 'preact/hooks';
import { useLocation } from 'preact-iso/router';
import { request } from '../api/client.ts';
import { isOver, type Job } from '../api/job.ts';
import { ActionButton } from '../ui/action-button.tsx';
import { EditDialog } from './edit-dialog.tsx';

/** What can be done with a job as it is now. */
export function JobActions({ job, onDone }: { readonly job: Job; readonly onDone: () => void }) {
  const [isEditing, setEditing] = useState(false);
  const { route } = useLocation();
  const post = async (verb: string, body?: object): Promise<Job> => {
    const answer = await request<Job>('POST', `/v1/jobs/${job.id}/${verb}`, body === undefined ? {} : { body });
    onDone();
    return answer.body;
  };
  if (job.state === 'dead') {
    return (
      <>
        <ActionButton
          label="Redrive"
          icon="redrive"
          isPrimary
          run={async () => {
            await post('redrive');
            return 'The job is at the end of its lines again.';
          }}
        />
        <ActionButton
          label="Edit and redrive"
          icon="edit"
          run={async () => {
            setEditing(true);
            return undefined;
          }}
        />
        <ActionButton
          label="Discard"
          icon="trash"
          isDanger
          confirm={{
            title: 'Give this dead letter up?',
            body: (
              <p>It becomes a failed job and cannot be redriven any more. What it left half done stays as it is.</p>
            ),
            reason: 'Why? (kept with the job)',
          }}
          run={async (reason) => {
            await post('discard', { reason });
            return 'The dead letter is discarded.';
          }}
        />
        {isEditing && (
          <EditDialog
            job={job}
            onClose={() => setEditing(false)}
            onDone={(next) => {
              setEditing(false);
              onDone();
              route(`/console/jobs/${next.id}`);
            }}
          />
        )}
      </>
    );
  }
  if (isOver(job.state)) return null;
  return (
    <ActionButton
      label="Cancel the job"
      icon="cross"
      isDanger
      unless={job.cancelRequestedBy === undefined ? undefined : `${job.cancelRequestedBy} has cancelled it already.`}
      confirm={{
        title: 'Cancel this job?',
        body: <p>What it has begun is undone as far as that can be, and the next job in its lines goes on.</p>,
        word: 'Cancel the job',
      }}
      run={async () => {
        const { state } = await post('cancel');
        return isOver(state) ? 'The job is cancelled.' : 'A worker undoes what the job had begun.';
      }}
    />
  );
}
