import type { ErrorCode } from '../core/error-codes.ts';
import { StowageError } from '../core/errors.ts';
import { type Moref, parseDatastorePath } from '../core/ids.ts';
import type { DecodedFault } from './codec/decode.ts';

// vSphere's faults as errors of the catalogue: by the fault's type and fields, never by its text, which is localized.

export const FAULT_CODES: Readonly<Record<string, ErrorCode>> = {
  AffinityConfigured: 'vcenter-invalid',
  AlreadyExists: 'vcenter-exists',
  CannotAccessFile: 'vcenter-state',
  CannotAccessNetwork: 'hosts-full',
  CannotAccessVmComponent: 'vcenter-state',
  CannotAccessVmConfig: 'vcenter-state',
  CannotAccessVmDevice: 'vcenter-state',
  CannotAccessVmDisk: 'vcenter-state',
  CannotCreateFile: 'vcenter-state',
  CannotDeleteFile: 'vcenter-state',
  ConcurrentAccess: 'vcenter-conflict',
  CpuHotPlugNotSupported: 'vcenter-state',
  CpuIncompatible: 'hosts-full',
  DatacenterMismatch: 'vcenter-invalid',
  DatastoreNotWritableOnHost: 'vcenter-state',
  DeviceNotFound: 'vcenter-invalid',
  DeviceNotSupported: 'vcenter-unsupported',
  DisallowedOperationOnFailoverHost: 'vcenter-state',
  DrsDisabledOnVm: 'vcenter-unsupported',
  DrsVmotionIncompatibleFault: 'hosts-full',
  DuplicateName: 'vcenter-exists',
  FileAlreadyExists: 'vcenter-exists',
  FileLocked: 'file-locked',
  FileNameTooLong: 'vcenter-invalid',
  FileNotFound: 'vcenter-not-found',
  FileNotWritable: 'vcenter-state',
  FileTooLarge: 'vcenter-invalid',
  HostAccessRestrictedToManagementServer: 'vcenter-state',
  HostCommunication: 'vcenter-state',
  HostConnectFault: 'vcenter-state',
  HostNotConnected: 'vcenter-state',
  HostNotReachable: 'vcenter-state',
  InaccessibleDatastore: 'vcenter-state',
  InsufficientAgentVmsDeployed: 'vcenter-state',
  InsufficientCpuResourcesFault: 'hosts-full',
  InsufficientFailoverResourcesFault: 'hosts-full',
  InsufficientHostCapacityFault: 'hosts-full',
  InsufficientHostCpuCapacityFault: 'hosts-full',
  InsufficientHostMemoryCapacityFault: 'hosts-full',
  InsufficientMemoryResourcesFault: 'hosts-full',
  InsufficientPerCpuCapacity: 'hosts-full',
  InsufficientResourcesFault: 'hosts-full',
  InsufficientStandbyResource: 'hosts-full',
  InsufficientStorageSpace: 'store-full',
  InvalidArgument: 'vcenter-invalid',
  InvalidController: 'vcenter-invalid',
  InvalidDatastore: 'vcenter-invalid',
  InvalidDatastorePath: 'vcenter-invalid',
  InvalidDatastoreState: 'vcenter-state',
  InvalidDeviceBacking: 'vcenter-invalid',
  InvalidDeviceOperation: 'vcenter-invalid',
  InvalidDeviceSpec: 'vcenter-invalid',
  InvalidDiskFormat: 'vcenter-invalid',
  InvalidFormat: 'vcenter-invalid',
  InvalidHostConnectionState: 'vcenter-state',
  InvalidHostState: 'vcenter-state',
  InvalidLogin: 'vcenter-login-refused',
  InvalidName: 'vcenter-invalid',
  InvalidPowerState: 'vcenter-state',
  InvalidProperty: 'vcenter-invalid',
  InvalidRequest: 'vcenter-invalid',
  InvalidState: 'vcenter-state',
  InvalidType: 'vcenter-invalid',
  InvalidVmConfig: 'vcenter-invalid',
  LicenseRestricted: 'vcenter-unsupported',
  ManagedObjectNotFound: 'vcenter-not-found',
  MemoryHotPlugNotSupported: 'vcenter-state',
  MemorySizeNotSupported: 'vcenter-invalid',
  MemorySizeNotSupportedByDatastore: 'vcenter-invalid',
  MethodDisabled: 'vcenter-state',
  MethodNotFound: 'vcenter-unsupported',
  MissingController: 'vcenter-invalid',
  NetworkDisruptedAndConfigRolledBack: 'vcenter-busy',
  NoActiveHostInCluster: 'hosts-full',
  NoCompatibleDatastore: 'vcenter-state',
  NoCompatibleHardAffinityHost: 'hosts-full',
  NoCompatibleHost: 'hosts-full',
  NoCompatibleHostWithAccessToDevice: 'hosts-full',
  NoDiskSpace: 'store-full',
  NoPermission: 'vcenter-no-permission',
  // Only seen when a new session is refused too: the next attempt logs in afresh.
  NotAuthenticated: 'vcenter-state',
  NotEnoughCpus: 'hosts-full',
  NotEnoughLogicalCpus: 'hosts-full',
  NotFound: 'vcenter-not-found',
  NotImplemented: 'vcenter-unsupported',
  NotSupported: 'vcenter-unsupported',
  NumVirtualCpusExceedsLimit: 'vcenter-invalid',
  NumVirtualCpusNotSupported: 'vcenter-invalid',
  OutOfBounds: 'vcenter-invalid',
  RequestCanceled: 'job-cancelled',
  ResourceInUse: 'vcenter-busy',
  RestrictedVersion: 'vcenter-unsupported',
  SharedBusControllerNotSupported: 'vcenter-unsupported',
  TaskInProgress: 'vcenter-busy',
  Timedout: 'vcenter-busy',
  TooManyDevices: 'vcenter-invalid',
  UnsupportedDatastore: 'vcenter-unsupported',
  UnsupportedGuest: 'vcenter-unsupported',
  VAppTaskInProgress: 'vcenter-busy',
  VirtualDiskModeNotSupported: 'vcenter-unsupported',
  VmValidateMaxDevice: 'vcenter-invalid',
};

/** How a file lock shows in faults that are about something else, e.g. GenericVmConfigFault at power-on. */
const LOCK_MESSAGE_KEY = 'msg.fileio.lock';

export interface VimFault {
  readonly fault: DecodedFault;
  /** Localized; for people. */
  readonly message: string;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}

export function asDecodedFault(value: unknown): DecodedFault | undefined {
  return isRecord(value) && typeof value['xsiType'] === 'string' ? (value as DecodedFault) : undefined;
}

function messagesOf(fault: DecodedFault): readonly Readonly<Record<string, unknown>>[] {
  const messages: unknown = fault['faultMessage'];
  return Array.isArray(messages) ? messages.filter(isRecord) : [];
}

function isLock(fault: DecodedFault): boolean {
  return fault.xsiType === 'FileLocked' || messagesOf(fault).some((message) => message['key'] === LOCK_MESSAGE_KEY);
}

/** The fault and those that it gives as its cause or, as the kin of CannotAccessVmComponent do, as its reason. */
function chainOf(fault: DecodedFault): readonly DecodedFault[] {
  const inner = [fault['faultCause'], fault['reason']]
    .map((each) => (isRecord(each) ? asDecodedFault(each['fault']) : undefined))
    .find((each) => each !== undefined);
  return inner === undefined ? [fault] : [fault, ...chainOf(inner)];
}

/** Asked for what is: the state that it needed is the one that it found. */
function isAlreadySo(fault: DecodedFault): boolean {
  const { requestedState, existingState } = fault;
  return fault.xsiType === 'InvalidPowerState' && existingState !== undefined && requestedState === existingState;
}

export function codeOfFault(fault: DecodedFault): ErrorCode {
  if (isAlreadySo(fault)) return 'vcenter-already-so';
  const chain = chainOf(fault);
  if (chain.some(isLock)) return 'file-locked';
  return chain.map((each) => FAULT_CODES[each.xsiType]).find((code) => code !== undefined) ?? 'vcenter-fault';
}

/** The datastore path that a fault about a lock names, in itself or in one of its messages' arguments. */
function lockedFile(fault: DecodedFault): string | undefined {
  const said = chainOf(fault).flatMap((each) => [
    each['file'],
    ...messagesOf(each).flatMap((message) => (Array.isArray(message['arg']) ? message['arg'] : []).map(valueOf)),
  ]);
  return said.find((text) => typeof text === 'string' && parseDatastorePath(text) !== undefined) as string | undefined;
}

function valueOf(arg: unknown): unknown {
  return isRecord(arg) ? arg['value'] : undefined;
}

/** What of the fault's own fields tells the reader where to look. */
function hintOf(fault: DecodedFault): string {
  const { privilegeId, object, file, datastore, invalidProperty, obj, name } = fault;
  if (fault.xsiType === 'NoPermission' && typeof privilegeId === 'string')
    return `needs the privilege ${privilegeId}${typeof object === 'string' ? ` on ${object}` : ''}`;
  const texts = [lockedFile(fault), file, datastore, invalidProperty, obj, name].filter(
    (value) => typeof value === 'string',
  );
  return texts.find((text) => text !== '') ?? '';
}

/** @param context what was called on what, e.g. `ReconfigVM_Task on VirtualMachine:vm-42` */
export function translateFault({ fault, message }: VimFault, context: string): StowageError {
  const { xsiType: type, ...detail } = fault;
  const hint = hintOf(fault);
  const said = message === '' || message === type || message.startsWith('*') ? '' : ` (${message})`;
  const text = `${context}: ${type}${hint === '' ? '' : `: ${hint}`}${said}`;
  const code = codeOfFault(fault);
  const locked = code === 'file-locked' ? lockedFile(fault) : undefined;
  return new StowageError(code, text, {
    ...(locked === undefined ? {} : { file: locked }),
    fault: { type, message, detail },
  });
}

export function contextOf(method: string, self: Moref | string): string {
  return `${method} on ${self}`;
}
