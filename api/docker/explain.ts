import { isErrorCode, StowageError } from '../../core/errors.ts';

/** The names of fields in our payload mean nothing to the CLI's users: only what is said of them is told. */
export function explainFields(error: StowageError): StowageError {
  const fields = error.details.fields ?? [];
  if (!isErrorCode(error, 'request-invalid') || fields.length === 0) return error;
  const faults = fields.map(({ pointer, detail }) => {
    const name = pointer.split('/').at(-1) ?? '';
    return detail.startsWith('Invalid ') ? detail : `${name}: ${detail}`;
  });
  return new StowageError('request-invalid', faults.join('; '), { cause: error });
}
