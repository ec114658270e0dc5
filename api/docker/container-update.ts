import { RESTART_POLICIES, type RestartPolicy } from '../../core/container.ts';
import { isErrorCode, StowageError } from '../../core/errors.ts';
import { type Answer, json } from './answer.ts';
import { isEmptyValue, readUpdateBody, type UpdateBody } from './container-body.ts';
import { findShown } from './container-find.ts';
import { explainFields } from './explain.ts';
import type { Call, DockerParts, Route } from './parts.ts';
import { runJob } from './run-job.ts';

/** With dockerd's texts. @throws `request-invalid` */
export function readRestartPolicy({
  Name,
  MaximumRetryCount,
}: {
  readonly Name?: string | null | undefined;
  readonly MaximumRetryCount?: number | null | undefined;
}): RestartPolicy {
  const text = Name ?? '';
  const maxRetries = MaximumRetryCount ?? 0;
  const name = text === '' ? 'no' : RESTART_POLICIES.find((each) => each === text);
  if (name === undefined) throw invalid(`unknown policy '${text}'; use one of '${RESTART_POLICIES.join("', '")}'`);
  if (maxRetries < 0) throw invalid('maximum retry count cannot be negative');
  if (maxRetries > 0 && name !== 'on-failure') throw invalid("maximum retry count can only be used with 'on-failure'");
  return { name, maxRetries };
}

function invalid(message: string): StowageError {
  return new StowageError('request-invalid', `invalid restart policy: ${message}`);
}

async function update(call: Call, parts: DockerParts): Promise<Answer> {
  const record = await findShown(call, parts);
  const change = changeOf(readUpdateBody(await call.readJson()));
  if (Object.keys(change).length > 0) {
    try {
      await runJob(call, parts, 'container.update', { container: record.name, ...change });
    } catch (error) {
      if (isErrorCode(error, 'request-invalid')) throw explainFields(error);
      throw error;
    }
  }
  return json({ Warnings: null });
}

/** Zero: it stays. */
function changeOf({ Memory, NanoCpus, RestartPolicy: policy, ...others }: UpdateBody): object {
  const [odd] = Object.entries(others).filter(([, value]) => !isEmptyValue(value));
  if (odd !== undefined)
    throw new StowageError(
      'operation-unsupported',
      `${odd[0]} cannot be changed: only --memory, --cpus and --restart can`,
    );
  if (typeof Memory === 'number' && Memory !== 0 && Memory < 6 * 1_048_576)
    throw new StowageError('request-invalid', 'Minimum memory limit allowed is 6MB');
  return {
    ...(isEmptyValue(Memory) ? {} : { memoryBytes: Memory }),
    ...(isEmptyValue(NanoCpus) ? {} : { nanoCpus: NanoCpus }),
    ...(isEmptyValue(policy?.Name) ? {} : { restart: readRestartPolicy(policy ?? {}) }),
  };
}

export const containerUpdateRoutes: readonly Route[] = [
  {
    method: 'POST',
    path: '/containers/{name}/update',
    role: 'operator',
    support: { as: 'partial', missing: 'all but memory, CPUs (of a stopped container) and the restart policy' },
    handler: update,
  },
];
