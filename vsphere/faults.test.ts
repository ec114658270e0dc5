import { describe, expect, test } from 'vitest';
import { ERROR_CODES } from '../core/error-codes.ts';
import { dispositionOf } from '../core/errors.ts';
import { codeOfFault, FAULT_CODES, translateFault } from './faults.ts';

describe('faults', () => {
  test.each([
    ['NoPermission', 'vcenter-no-permission', 'fatal'],
    ['FileAlreadyExists', 'vcenter-exists', 'fatal'],
    ['DuplicateName', 'vcenter-exists', 'fatal'],
    ['AlreadyExists', 'vcenter-exists', 'fatal'],
    ['FileNotFound', 'vcenter-not-found', 'fatal'],
    ['ManagedObjectNotFound', 'vcenter-not-found', 'fatal'],
    ['NotFound', 'vcenter-not-found', 'fatal'],
    ['FileLocked', 'file-locked', 'retry'],
    ['TaskInProgress', 'vcenter-busy', 'retry'],
    ['ResourceInUse', 'vcenter-busy', 'retry'],
    ['ConcurrentAccess', 'vcenter-conflict', 'retry'],
    ['InvalidArgument', 'vcenter-invalid', 'fatal'],
    ['InvalidDeviceSpec', 'vcenter-invalid', 'fatal'],
    ['InvalidDatastorePath', 'vcenter-invalid', 'fatal'],
    ['InvalidRequest', 'vcenter-invalid', 'fatal'],
    ['InvalidState', 'vcenter-state', 'retry'],
    ['InvalidPowerState', 'vcenter-state', 'retry'],
    ['HostNotConnected', 'vcenter-state', 'retry'],
    ['HostCommunication', 'vcenter-state', 'retry'],
    ['HostNotReachable', 'vcenter-state', 'retry'],
    ['InvalidHostConnectionState', 'vcenter-state', 'retry'],
    ['CannotAccessVmConfig', 'vcenter-state', 'retry'],
    ['NoCompatibleHost', 'hosts-full', 'retry'],
    ['InsufficientMemoryResourcesFault', 'hosts-full', 'retry'],
    ['InsufficientFailoverResourcesFault', 'hosts-full', 'retry'],
    ['RestrictedVersion', 'vcenter-unsupported', 'fatal'],
    ['MemorySizeNotSupported', 'vcenter-invalid', 'fatal'],
    ['TooManyDevices', 'vcenter-invalid', 'fatal'],
    ['MemoryHotPlugNotSupported', 'vcenter-state', 'retry'],
    ['GenericVmConfigFault', 'vcenter-fault', 'retry'],
    ['NetworkDisruptedAndConfigRolledBack', 'vcenter-busy', 'retry'],
    ['NoDiskSpace', 'store-full', 'fatal'],
    ['InsufficientStorageSpace', 'store-full', 'fatal'],
    ['NotSupported', 'vcenter-unsupported', 'fatal'],
    ['InvalidLogin', 'vcenter-login-refused', 'fatal'],
    ['RequestCanceled', 'job-cancelled', 'fatal'],
    ['SomethingOfNextYear', 'vcenter-fault', 'retry'],
  ] as const)('%s is %s, and so %s', (type, code, disposition) => {
    expect(codeOfFault({ xsiType: type })).toBe(code);
    expect(dispositionOf(code)).toBe(disposition);
  });

  test('every code in the table is one of the catalogue', () => {
    for (const code of Object.values(FAULT_CODES)) expect(Object.keys(ERROR_CODES)).toContain(code);
  });

  test('a lock shows by its message key in whatever fault, a wrapped fault by its cause', () => {
    expect(codeOfFault({ xsiType: 'GenericVmConfigFault', faultMessage: [{ key: 'msg.fileio.lock' }] })).toBe(
      'file-locked',
    );
    const cause = { fault: { xsiType: 'NoDiskSpace', datastore: 'ds' } };
    expect(codeOfFault({ xsiType: 'SystemError', faultCause: cause })).toBe('store-full');
  });

  test('a lock is one also inside of what it keeps from happening, and names its file', () => {
    const file = '[shared-1] volumes/v/v.vmdk';
    const inner = { fault: { xsiType: 'FileLocked', file } };
    expect(codeOfFault({ xsiType: 'CannotAccessVmDisk', reason: inner })).toBe('file-locked');
    expect(codeOfFault({ xsiType: 'VmFailoverFailed', reason: 'only text' })).toBe('vcenter-fault');
    const faultMessage = [{ key: 'msg.fileio.lock' }, { key: 'msg.disk.noBackEnd', arg: [{ key: '1', value: file }] }];
    for (const fault of [
      { xsiType: 'CannotAccessVmDisk', reason: inner },
      { xsiType: 'GenericVmConfigFault', faultMessage },
    ]) {
      const error = translateFault({ fault, message: '' }, 'a Task');
      expect(error).toMatchObject({ code: 'file-locked', details: { file } });
      expect(error.message).toContain(file);
    }
    const unnamed = translateFault({ fault: { xsiType: 'FileLocked', file: '/vmfs/x' }, message: '' }, 'a Task');
    expect(unnamed.details).not.toHaveProperty('file');
  });

  test('a power state that is the one asked for is already so, another is not', () => {
    const fault = { xsiType: 'InvalidPowerState', requestedState: 'poweredOn', existingState: 'poweredOn' };
    expect(codeOfFault(fault)).toBe('vcenter-already-so');
    expect(dispositionOf('vcenter-already-so')).toBe('fatal');
    expect(codeOfFault({ ...fault, requestedState: 'poweredOff' })).toBe('vcenter-state');
  });

  test('NoPermission names the privilege and the object', () => {
    const fault = {
      xsiType: 'NoPermission',
      privilegeId: 'VirtualMachine.Config.AddExistingDisk',
      object: 'VirtualMachine:vm-7',
    };
    const error = translateFault({ fault, message: 'Zugriff verweigert' }, 'ReconfigVM_Task on VirtualMachine:vm-7');
    expect(error.message).toBe(
      'ReconfigVM_Task on VirtualMachine:vm-7: NoPermission: needs the privilege VirtualMachine.Config.AddExistingDisk on VirtualMachine:vm-7 (Zugriff verweigert)',
    );
    const { privilegeId, object } = fault;
    expect(error.facts).toMatchObject({
      kind: 'forbidden',
      fault: { type: 'NoPermission', message: 'Zugriff verweigert', detail: { privilegeId, object } },
    });
  });

  test('NoPermission that does not say which says no more than that', () => {
    const context = 'ReconfigVM_Task on VirtualMachine:vm-7';
    expect(translateFault({ fault: { xsiType: 'NoPermission' }, message: '' }, context).message).toBe(
      'ReconfigVM_Task on VirtualMachine:vm-7: NoPermission',
    );
  });
});
