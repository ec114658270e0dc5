import type { Host } from '../api/host.ts';
import { StateBadge } from '../ui/badge.tsx';

export function HostState({ host: { connection, inMaintenance, poweredOn } }: { readonly host: Host }) {
  if (connection !== 'connected') return <StateBadge state={connection} />;
  if (!poweredOn) return <StateBadge state="off" words="powered off" />;
  return <StateBadge state={inMaintenance ? 'maintenance' : connection} />;
}
