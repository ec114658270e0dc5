import type { ContainerSpec } from '../../core/container.ts';
import type { Json, JsonObject } from '../../core/job.ts';

// What only this face knows of a container: Config and HostConfig of the request that made it, without what was empty. Absent when another
// face made it.

function memberOf({ engine }: ContainerSpec, name: string): JsonObject {
  const value: Json | undefined = engine?.[name];
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : {};
}

export function engineConfig(spec: ContainerSpec): JsonObject {
  return memberOf(spec, 'Config');
}

export function engineHostConfig(spec: ContainerSpec): JsonObject {
  return memberOf(spec, 'HostConfig');
}
