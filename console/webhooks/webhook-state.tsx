import type { Webhook } from '../api/webhook.ts';
import { StateBadge } from '../ui/badge.tsx';

/** What is said of every secret. */
export const SECRET_WORDS =
  'The receiver verifies signatures with it. It is shown this once; if it is lost, rotate it and give the receiver the new one.';

export function WebhookState({ webhook: { state, disabledReason, failingSince } }: { readonly webhook: Webhook }) {
  if (state === 'enabled' && failingSince !== undefined) return <StateBadge state="warning" words="failing" />;
  return (
    <StateBadge state={state} {...(disabledReason === undefined ? {} : { words: `disabled: ${disabledReason}` })} />
  );
}
