import type { RecordChange, RecordType } from '../core/record.ts';

/** All of Stowage's keys begin so. The braces are a hash tag: a cluster keeps every key in one slot, and scripts may touch them all. */
export function keyPrefix(name: string): string {
  return `{${name}}:`;
}

/** BullMQ puts `:<queue>:<key>` behind this. */
export function bullPrefix(name: string): string {
  return `{${name}}:bull`;
}

export function recordKey(type: RecordType, name: string): string {
  return `rec:${type}:${name}`;
}

export function recordIndex(type: RecordType): string {
  return `recs:${type}`;
}

/** A record change as commit.lua and observe.lua read it. */
export function encodeChange(change: RecordChange): Readonly<Record<string, string | number>> {
  const type = change.op === 'put' ? change.record.type : change.type;
  const name = change.op === 'put' ? change.record.name : change.name;
  return {
    op: change.op,
    resource: `${type}:${name}`,
    key: recordKey(type, name),
    index: recordIndex(type),
    name,
    rev: change.expectedRev,
    ...(change.op === 'put' ? { body: JSON.stringify(change.record) } : {}),
  };
}
