import { describe, expect, test } from 'vitest';
import { operationOf, type OperationName } from '../schema/table.ts';
import { type Outcome, ReplyDecoder } from './decode.ts';

const decoder = new ReplyDecoder();

function envelope(body: string): string {
  return [
    '<?xml version="1.0" encoding="UTF-8"?><soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"',
    ' xmlns:xsd="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">',
    `<soapenv:Header><id>x</id></soapenv:Header><soapenv:Body>${body}</soapenv:Body></soapenv:Envelope>`,
  ].join('\n');
}

function decode(operation: OperationName, inner: string): Outcome {
  const body = `<${operation}Response xmlns="urn:vim25">${inner}</${operation}Response>`;
  return decoder.decode(operation, operationOf(operation).result, envelope(body));
}

function property(val: string): unknown {
  const inner = `<returnval><objects><obj type="Task">task-1</obj><propSet><name>p</name>${val}</propSet></objects></returnval>`;
  const outcome = decode('RetrievePropertiesEx', inner);
  if (outcome.kind !== 'result') throw new Error('a fault');
  return (outcome.value as { objects: { propSet: { val: unknown }[] }[] }).objects[0]?.propSet[0]?.val;
}

describe('a reply', () => {
  test('is typed by the schema, lists also when they have one member', () => {
    const inner = [
      '<returnval><version>1</version><filterSet><filter type="PropertyFilter">f-1</filter><objectSet><kind>modify</kind>',
      '<obj type="Task">task-1</obj><changeSet><name>info.state</name><op>assign</op><val xsi:type="TaskInfoState">running</val>',
      '</changeSet></objectSet></filterSet><truncated>false</truncated></returnval>',
    ].join('\n  ');
    expect(decode('WaitForUpdatesEx', inner)).toEqual({
      kind: 'result',
      value: {
        xsiType: 'UpdateSet',
        version: '1',
        filterSet: [
          {
            xsiType: 'PropertyFilterUpdate',
            filter: 'PropertyFilter:f-1',
            objectSet: [
              {
                xsiType: 'ObjectUpdate',
                kind: 'modify',
                obj: 'Task:task-1',
                changeSet: [{ xsiType: 'PropertyChange', name: 'info.state', op: 'assign', val: 'running' }],
              },
            ],
          },
        ],
        truncated: false,
      },
    });
  });

  test('of a method without result, or without one this time, is undefined', () => {
    expect(decode('Logout', '')).toEqual({ kind: 'result', value: undefined });
    expect(decode('WaitForUpdatesEx', '')).toEqual({ kind: 'result', value: undefined });
  });

  test('may have fields that we do not know', () => {
    const inner =
      '<returnval><key>k</key><userName>u</userName><shoeSize><eu>43</eu></shoeSize><loginTime>t</loginTime></returnval>';
    const value = { xsiType: 'UserSession', key: 'k', userName: 'u', loginTime: 't' };
    expect(decode('Login', inner)).toEqual({ kind: 'result', value });
  });

  test.each([
    ['<val xsi:type="xsd:string"> Keyboard &amp; &#34;mouse&#34; </val>', ' Keyboard & "mouse" '],
    ['<val xsi:type="xsd:int">-5</val>', -5],
    ['<val xsi:type="xsd:long">4398046511104</val>', 4_398_046_511_104],
    ['<val xsi:type="xsd:boolean">true</val>', true],
    [
      '<val xmlns:XMLSchema-instance="x" _XMLSchema-instance:type="VirtualMachinePowerState">poweredOn</val>',
      'poweredOn',
    ],
    ['<val type="HostSystem" xsi:type="ManagedObjectReference">host-1</val>', 'HostSystem:host-1'],
    ['<val xsi:type="ArrayOfString"><string>a</string><string></string></val>', ['a', '']],
    ['<val xsi:type="ArrayOfInt"/>', []],
    [
      '<val xsi:type="ArrayOfManagedObjectReference"><ManagedObjectReference type="Task">t-1</ManagedObjectReference></val>',
      ['Task:t-1'],
    ],
    ['<val xsi:type="HostNewThing"><port>1</port><port>2</port></val>', { xsiType: 'HostNewThing', port: ['1', '2'] }],
    ['<val xsi:nil="true"/>', undefined],
    ['<val><![CDATA[<b>]]></val>', '<b>'],
  ])('has the value of %s', (xml, value) => {
    expect(property(xml)).toEqual(value);
  });

  test('has devices by their types; of one that we do not know, what it shares with those we know', () => {
    const backing =
      '<backing xsi:type="VirtualDiskFlatVer2BackingInfo"><fileName>[ds] a.vmdk</fileName><diskMode>persistent</diskMode></backing>';
    const devices = [
      `<VirtualDevice xsi:type="VirtualDisk"><key>2000</key><deviceInfo><label>Disk</label></deviceInfo>${backing}<capacityInKB>8</capacityInKB></VirtualDevice>`,
      '<VirtualDevice xsi:type="VirtualNewDevice"><key>9</key><controllerKey>100</controllerKey></VirtualDevice>',
    ];
    expect(property(`<val xsi:type="ArrayOfVirtualDevice">${devices.join('')}</val>`)).toEqual([
      {
        xsiType: 'VirtualDisk',
        key: 2_000,
        backing: { xsiType: 'VirtualDiskFlatVer2BackingInfo', fileName: '[ds] a.vmdk', diskMode: 'persistent' },
        capacityInKB: 8,
      },
      { xsiType: 'VirtualNewDevice', key: 9, controllerKey: 100 },
    ]);
  });
});

describe('a fault', () => {
  const fault = (detail: string): Outcome => {
    const body = `<soapenv:Fault><faultcode>ServerFaultCode</faultcode><faultstring>said so</faultstring><detail>${detail}</detail></soapenv:Fault>`;
    return decoder.decode('CreateVirtualDisk_Task', 'ManagedObjectReference', envelope(body));
  };

  test('keeps its type, its message and its own fields, known or not', () => {
    const detail =
      '<NoPermissionFault xsi:type="NoPermission"><object type="Folder">group-1</object><privilegeId>P.Q</privilegeId></NoPermissionFault>';
    expect(fault(detail)).toEqual({
      kind: 'fault',
      message: 'said so',
      fault: { xsiType: 'NoPermission', object: 'Folder:group-1', privilegeId: 'P.Q' },
    });
  });

  test('has its type from the element where xsi:type is missing', () => {
    expect(fault('<FileLockedFault><file>[ds] a</file></FileLockedFault>')).toMatchObject({
      fault: { xsiType: 'FileLocked' },
    });
    expect(fault('')).toMatchObject({ kind: 'fault', fault: { xsiType: 'MethodFault' } });
  });

  test('has its cause and its message keys', () => {
    const detail = [
      '<GenericVmConfigFaultFault xsi:type="GenericVmConfigFault"><faultCause><fault xsi:type="FileLocked"><file>f</file></fault></faultCause>',
      '<faultMessage><key>msg.fileio.lock</key><arg><key>1</key><value xsi:type="xsd:string">x</value></arg></faultMessage><reason>r</reason></GenericVmConfigFaultFault>',
    ].join('');
    expect(fault(detail)).toMatchObject({
      fault: {
        xsiType: 'GenericVmConfigFault',
        faultCause: { fault: { xsiType: 'FileLocked', file: 'f' } },
        faultMessage: [{ key: 'msg.fileio.lock', arg: [{ key: '1', value: 'x' }] }],
        reason: 'r',
      },
    });
  });
});

describe('what is no reply', () => {
  const garbled = expect.objectContaining({ code: 'vcenter-garbled' });

  test.each([
    ['nothing', ''],
    ['a page', '<html><body><p>Sign in</body></html>'],
    ['half an envelope', envelope('<LoginResponse/>').slice(0, 250)],
    ['an envelope without a body', envelope('')],
    ['the reply to something else', envelope('<LogoutResponse xmlns="urn:vim25"/>')],
    ['a reply without its result', envelope('<LoginResponse xmlns="urn:vim25"/>')],
  ])('%s is garbled', (_, xml) => {
    expect(() => decoder.decode('Login', 'UserSession', xml)).toThrow(garbled);
    // And the decoder is none the worse for it.
    expect(decode('CurrentTime', '<returnval>now</returnval>')).toEqual({ kind: 'result', value: 'now' });
  });

  test('a number that is none is garbled', () => {
    expect(() => property('<val xsi:type="xsd:int">many</val>')).toThrow(garbled);
  });
});
