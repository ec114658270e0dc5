import { describe, expect, test } from 'vitest';
import { moref } from '../../core/ids.ts';
import type { Params } from '../schema/vim.ts';
import { encodeRequest } from './encode.ts';

const SELF = moref('VirtualMachine', 'vm-1');

/** For what the types would refuse. */
function encodeAnything(params: unknown): () => object {
  return () => encodeRequest('ReconfigVM_Task', SELF, params as Params<'ReconfigVM_Task'>);
}

describe('a request', () => {
  test("has its fields in vSphere's order, the eldest ancestor's first, whatever order they were given in", () => {
    const encoded = encodeRequest('ReconfigVM_Task', SELF, {
      spec: {
        deviceChange: [
          {
            device: {
              capacityInKB: 0,
              unitNumber: 1,
              controllerKey: 1_000,
              backing: { diskMode: 'persistent', fileName: '[ds] a.vmdk', xsiType: 'VirtualDiskFlatVer2BackingInfo' },
              key: -2,
              xsiType: 'VirtualDisk',
            },
            operation: 'add',
          },
        ],
        changeVersion: '7',
      },
    });
    const backing = {
      attributes: { 'xsi:type': 'vim25:VirtualDiskFlatVer2BackingInfo' },
      fileName: '[ds] a.vmdk',
      diskMode: 'persistent',
    };
    const disk = { key: -2, backing, controllerKey: 1_000, unitNumber: 1, capacityInKB: 0 };
    const device = { attributes: { 'xsi:type': 'vim25:VirtualDisk' }, ...disk };
    const expected = {
      _this: { attributes: { type: 'VirtualMachine' }, $value: 'vm-1' },
      spec: { changeVersion: '7', deviceChange: [{ operation: 'add', device }] },
    };
    expect(JSON.stringify(encoded)).toBe(JSON.stringify(expected));
  });

  test('leaves out what is undefined or an empty list', () => {
    const encoded = encodeRequest('ModifyListView', moref('ListView', 'session[1]2'), { add: [], remove: undefined });
    expect(Object.keys(encoded)).toEqual(['_this']);
  });

  test('is refused when it does not fit the schema', () => {
    const device = { xsiType: 'VirtualDisk', key: 1, capacityInKB: 0 };
    const change = (one: object): object => ({ spec: { deviceChange: [{ device: one }] } });
    expect(encodeAnything({})).toThrow('ReconfigVM_Task.spec is missing');
    expect(encodeAnything({ spec: { memory: 4 } })).toThrow('spec.memory is no field of VirtualMachineConfigSpec');
    expect(encodeAnything(change({ ...device, capacityInKB: undefined }))).toThrow('device.capacityInKB is missing');
    expect(encodeAnything(change({ ...device, key: 1.5 }))).toThrow('device.key is not a whole number');
    expect(encodeAnything(change({ ...device, capacityInKB: 2 ** 60 }))).toThrow(
      'device.capacityInKB is not a whole number',
    );
    expect(encodeAnything(change({ ...device, xsiType: 'FileInfo' }))).toThrow('device cannot be a FileInfo');
    expect(encodeAnything({ spec: { deviceChange: [{ operation: 'burn', device }] } })).toThrow(
      'operation is no VirtualDeviceConfigSpecOperation',
    );
    expect(encodeAnything({ spec: { deviceChange: device } })).toThrow('deviceChange is not a list');
    expect(encodeAnything({ spec: { name: 4 } })).toThrow('spec.name is not text');
  });

  test('cannot be broken out of by text', () => {
    const encoded = encodeRequest('ReconfigVM_Task', SELF, { spec: { name: '<![CDATA[x]]></name><name>y]]>' } });
    expect(JSON.stringify(encoded)).toContain('&lt;![CDATA[x]]&gt;&lt;/name&gt;&lt;name&gt;y]]&gt;');
    expect(encodeAnything({ spec: { name: 'a\u0000b' } })).toThrow(/XML cannot carry/);
  });
});
