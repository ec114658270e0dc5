import { parseDatastorePath, parseMachineUuid } from '../core/ids.ts';
import type { Machine, PowerState, WatchedMachine } from '../core/ports/machines.ts';
import { controllersOf, disksOf } from './devices.ts';
import type { Found } from './properties.ts';

// What is read of a machine, and what it means.

export const WATCHED_MACHINE_PATHS = [
  'name',
  'config.uuid',
  'config.changeVersion',
  'config.files.vmPathName',
  'config.hardware.device',
  'runtime.powerState',
  'runtime.connectionState',
  'runtime.host',
] as const;

export const MACHINE_PATHS = [
  ...WATCHED_MACHINE_PATHS,
  'config.hardware.numCPU',
  'config.hardware.memoryMB',
  'config.extraConfig',
] as const;

const POWER_STATES = { poweredOn: 'on', poweredOff: 'off', suspended: 'suspended' } as const;

export const powerOf = (state: keyof typeof POWER_STATES | undefined): PowerState =>
  POWER_STATES[state ?? 'poweredOff'];

export function watchedMachineOf(
  found: Found<'VirtualMachine', (typeof WATCHED_MACHINE_PATHS)[number]>,
): WatchedMachine {
  const devices = found['config.hardware.device'] ?? [];
  const host = found['runtime.host'];
  const uuid = parseMachineUuid(found['config.uuid'] ?? '');
  const vmxPath = parseDatastorePath(found['config.files.vmPathName'] ?? '');
  const connection = found['runtime.connectionState'] ?? 'invalid';
  return {
    ref: found.ref,
    name: found.name ?? found.ref,
    ...(uuid === undefined ? {} : { uuid }),
    changeVersion: found['config.changeVersion'] ?? '',
    power: powerOf(found['runtime.powerState']),
    connected: connection === 'connected',
    connection,
    ...(host === undefined ? {} : { host }),
    ...(vmxPath === undefined ? {} : { vmxPath }),
    controllers: controllersOf(devices),
    disks: disksOf(devices),
  };
}

export function machineOf(found: Found<'VirtualMachine', (typeof MACHINE_PATHS)[number]>): Machine {
  const cpus = found['config.hardware.numCPU'];
  const memoryMib = found['config.hardware.memoryMB'];
  const options = found['config.extraConfig'] ?? [];
  return {
    ...watchedMachineOf(found),
    ...(cpus === undefined ? {} : { cpus }),
    ...(memoryMib === undefined ? {} : { memoryMib }),
    extraConfig: Object.fromEntries(options.map(({ key, value }) => [key, String(value)])),
  };
}
