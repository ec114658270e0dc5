import { type ErrorCode, StowageError } from '../core/errors.ts';
import type { Moref } from '../core/ids.ts';
import type { DecodedFault } from './codec/decode.ts';

// vSphere's faults as errors of the catalogue: by the fault's type and fields, never by its text, which is localized.

export const FAULT_CODES: Readonly<Record<string, ErrorCode>> = {
  AlreadyExists: 'vcenter-exists',
  CannotAccessFile: 'vcenter-state',
  ConcurrentAccess: 'vcenter-conflict',
  DatastoreNotWritableOnHost: 'vcenter-state',
  DuplicateName: 'vcenter-exists',
  FileAlreadyExists: 'vcenter-exists',
  FileLocked: 'file-locked',
  FileNameTooLong: 'vcenter-invalid',
  FileNotFound: 'vcenter-not-found',
  FileTooLarge: 'vcenter-invalid',
  HostCommunication: 'vcenter-state',
  HostConnectFault: 'vcenter-state',
  HostNotConnected: 'vcenter-state',
  HostNotReachable: 'vcenter-state',
  InaccessibleDatastore: 'vcenter-state',
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
  MethodDisabled: 'vcenter-state',
  MethodNotFound: 'vcenter-unsupported',
  MissingController: 'vcenter-invalid',
  NetworkDisruptedAndConfigRolledBack: 'vcenter-busy',
  NoDiskSpace: 'store-full',
  NoPermission: 'vcenter-no-permission',
  // Only seen when a new session is refused too: the next attempt logs in afresh.
  NotAuthenticated: 'vcenter-state',
  NotFound: 'vcenter-not-found',
  NotImplemented: 'vcenter-unsupported',
  NotSupported: 'vcenter-unsupported',
  RequestCanceled: 'job-cancelled',
  ResourceInUse: 'vcenter-busy',
  TaskInProgress: 'vcenter-busy',
  Timedout: 'vcenter-busy',
  TooManyDevices: 'vcenter-invalid',
  VAppTaskInProgress: 'vcenter-busy',
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

function causeOf(fault: DecodedFault): DecodedFault | undefined {
  const cause = fault['faultCause'];
  return isRecord(cause) ? asDecodedFault(cause['fault']) : undefined;
}

function hasMessageKey(fault: DecodedFault, key: string): boolean {
  const messages = fault['faultMessage'];
  return Array.isArray(messages) && messages.some((message) => isRecord(message) && message['key'] === key);
}

export function codeOfFault(fault: DecodedFault): ErrorCode {
  if (hasMessageKey(fault, LOCK_MESSAGE_KEY)) return 'file-locked';
  const code = FAULT_CODES[fault.xsiType];
  if (code !== undefined) return code;
  const cause = causeOf(fault);
  return cause === undefined ? 'vcenter-fault' : codeOfFault(cause);
}

/** What of the fault's own fields tells the reader where to look. */
function hintOf(fault: DecodedFault): string {
  const { privilegeId, object, file, datastore, invalidProperty, obj, name } = fault;
  if (fault.xsiType === 'NoPermission' && typeof privilegeId === 'string')
    return `needs the privilege ${privilegeId}${typeof object === 'string' ? ` on ${object}` : ''}`;
  const texts = [file, datastore, invalidProperty, obj, name].filter((value) => typeof value === 'string');
  return texts.find((text) => text !== '') ?? '';
}

/** @param context what was called on what, e.g. `ReconfigVM_Task on VirtualMachine:vm-42` */
export function translateFault({ fault, message }: VimFault, context: string): StowageError {
  const { xsiType: type, ...detail } = fault;
  const hint = hintOf(fault);
  const said = message === '' || message === type || message.startsWith('*') ? '' : ` (${message})`;
  const text = `${context}: ${type}${hint === '' ? '' : `: ${hint}`}${said}`;
  return new StowageError(codeOfFault(fault), text, { fault: { type, message, detail } });
}

export function contextOf(method: string, self: Moref | string): string {
  return `${method} on ${self}`;
}
