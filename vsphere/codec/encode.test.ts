import { describe, expect, test } from 'vitest';
import { moref } from '../../core/ids.ts';
import type { Params } from '../schema/vim.ts';
import { encodeRequest } from './encode.ts';

const SELF = moref('VirtualMachine', 'vm-1');

const reconfigure = (inner: string): string =>
  `<ReconfigVM_Task xmlns="urn:vim25"><_this type="VirtualMachine">vm-1</_this>${inner}</ReconfigVM_Task>`;

/** For what the types would refuse. */
function encodeAnything(params: unknown): () => string {
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
    const backing =
      '<backing xsi:type="VirtualDiskFlatVer2BackingInfo"><fileName>[ds] a.vmdk</fileName><diskMode>persistent</diskMode></backing>';
    const rest = '<controllerKey>1000</controllerKey><unitNumber>1</unitNumber><capacityInKB>0</capacityInKB>';
    const device = `<device xsi:type="VirtualDisk"><key>-2</key>${backing}${rest}</device>`;
    const change = `<deviceChange><operation>add</operation>${device}</deviceChange>`;
    expect(encoded).toBe(reconfigure(`<spec><changeVersion>7</changeVersion>${change}</spec>`));
  });

  test('leaves out what is undefined or an empty list', () => {
    const encoded = encodeRequest('ModifyListView', moref('ListView', 'session[1]2'), { add: [], remove: undefined });
    expect(encoded).toBe(
      '<ModifyListView xmlns="urn:vim25"><_this type="ListView">session[1]2</_this></ModifyListView>',
    );
  });

  test('has a list item by item, and says the type of what may be of any', () => {
    const refs = [moref('Task', 'task-1'), moref('Task', 'task-2')];
    expect(encodeRequest('ModifyListView', moref('ListView', 'l'), { add: refs })).toContain(
      '<add type="Task">task-1</add><add type="Task">task-2</add>',
    );
    const extraConfig = [{ xsiType: 'OptionValue', key: 'k', value: 'a & b' }] as const;
    const value = '<value xsi:type="xsd:string" xmlns:xsd="http://www.w3.org/2001/XMLSchema">a &amp; b</value>';
    expect(encodeRequest('ReconfigVM_Task', SELF, { spec: { extraConfig } })).toContain(`<key>k</key>${value}`);
  });

  test('is refused when it does not fit the schema', () => {
    const device = { xsiType: 'VirtualDisk', key: 1, capacityInKB: 0 };
    const change = (one: object): object => ({ spec: { deviceChange: [{ device: one }] } });
    expect(encodeAnything({})).toThrow('ReconfigVM_Task.spec is missing');
    expect(encodeAnything({ spec: { memory: 4 } })).toThrow(
      'spec has memory, which is no field of VirtualMachineConfig',
    );
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
    const name = '<![CDATA[x]]></name><name>y]]>\r\n';
    expect(encodeRequest('ReconfigVM_Task', SELF, { spec: { name } })).toBe(
      reconfigure('<spec><name>&lt;![CDATA[x]]&gt;&lt;/name&gt;&lt;name&gt;y]]&gt;&#13;\n</name></spec>'),
    );
    expect(encodeAnything({ spec: { name: 'a\u0000b' } })).toThrow(/XML cannot carry/);
  });
});
