import { pino } from 'pino';
import { datastorePath } from '../../core/ids.ts';
import type { DataCentre, DiskMode, Machine } from '../../core/ports/data-centre.ts';
import { connectDataCentre } from '../../vsphere/connect.ts';
import { testFence } from '../harness/data-centre.ts';
import type { System } from '../harness/system.ts';
import { machineNamed } from './lab-view.ts';

// Somebody else with an account of the same vCenter, who knows nothing of Stowage.

export interface Stranger {
  readonly dc: DataCentre;
  /** Attaches the disk of a volume on `shared-1` to a machine. */
  attach(volume: string, machineName: string, mode?: DiskMode): Promise<void>;
  /** Takes the device out of the machine and keeps the file. */
  detach(volume: string, machineName: string): Promise<void>;
  /** Takes the machine out of the inventory. */
  unregister(machineName: string): Promise<void>;
  /** Unregisters a machine and registers it again in another folder, where another's name is free. */
  reRegisterAs(machineName: string, newName: string): Promise<void>;
  close(): Promise<void>;
}

export async function openStranger(system: System): Promise<Stranger> {
  const { url, user, password } = system.vcenter;
  const dc = await connectDataCentre({ url, user, password, trust: 'system', logger: pino({ level: 'silent' }) });
  const soap = createSoap(url);
  const find = async (name: string): Promise<Machine> => {
    const machine = await dc.machines.find(name, AbortSignal.timeout(5_000));
    if (machine === undefined) throw new Error(`no machine ${name}`);
    return machine;
  };
  const unregister = async (name: string): Promise<void> => {
    await soap('UnregisterVM', `VirtualMachine:${(await machineNamed(system, name)).moid}`, '', { user, password });
  };
  return {
    dc,
    async attach(volume, machineName, mode = 'independent_persistent') {
      const { ref, changeVersion, controllers } = await find(machineName);
      const [controller] = controllers;
      const unit = [15, 14, 13, 12, 11].find((each) => controller?.takenUnits.includes(each) === false);
      if (controller === undefined || unit === undefined) throw new Error(`no slot in ${machineName}`);
      const path = datastorePath('shared-1', `stowage/volumes/${volume}/${volume}.vmdk`);
      const slot = { controller: 'existing', controllerKey: controller.key, unit } as const;
      const fence = testFence();
      const task = await dc.machines.attach({ machine: ref, changeVersion, path, slot, mode }, fence);
      await dc.tasks.wait(task, { signal: fence.signal });
    },
    async detach(volume, machineName) {
      const { ref, changeVersion, disks } = await find(machineName);
      const { moid, devices } = await machineNamed(system, machineName);
      const diskKey = disks.find((disk) => disk.path.includes(volume))?.key;
      if (diskKey === undefined) throw new Error(`${moid} has no ${volume}: ${JSON.stringify(devices)}`);
      const fence = testFence();
      const task = await dc.machines.detach({ machine: ref, changeVersion, diskKey }, fence);
      await dc.tasks.wait(task, { signal: fence.signal });
    },
    unregister,
    async reRegisterAs(machineName, newName) {
      const machine = await machineNamed(system, machineName);
      const login = { user, password };
      const parent = await soap(
        'RetrieveProperties',
        'PropertyCollector:propertyCollector',
        parentOf(machine.moid),
        login,
      );
      const folder = /type="Folder"[^>]*>([^<]+)</.exec(parent)?.[1] ?? '';
      const cluster = /type="ResourcePool"[^>]*>([^<]+)</.exec(parent)?.[1] ?? '';
      await unregister(machineName);
      const made = await soap('CreateFolder', `Folder:${folder}`, '<name>others</name>', login);
      const other = /<returnval[^>]*>([^<]+)</.exec(made)?.[1] ?? '';
      const body = `<path>${machine.vmx}</path><name>${newName}</name><asTemplate>false</asTemplate><pool type="ResourcePool">${cluster}</pool>`;
      await soap('RegisterVM_Task', `Folder:${other}`, body, login);
    },
    close: () => dc.close(),
  };
}

const parentOf = (moid: string): string =>
  '<specSet><propSet><type>VirtualMachine</type><pathSet>parent</pathSet><pathSet>resourcePool</pathSet></propSet>' +
  `<objectSet><obj type="VirtualMachine">${moid}</obj></objectSet></specSet>`;

interface Login {
  readonly user: string;
  readonly password: string;
}

/** Calls that Stowage itself never makes. Each one logs in for itself. */
function createSoap(url: string): (method: string, self: string, body: string, login: Login) => Promise<string> {
  const send = async (method: string, self: string, body: string, cookie: string): Promise<Response> => {
    const [type = '', value = ''] = self.split(':');
    const inner = `<${method} xmlns="urn:vim25"><_this type="${type}">${value}</_this>${body}</${method}>`;
    const envelope = `<Envelope xmlns="http://schemas.xmlsoap.org/soap/envelope/"><Body>${inner}</Body></Envelope>`;
    const headers = { 'Content-Type': 'text/xml', SOAPAction: 'urn:vim25/8.0', Cookie: cookie };
    const response = await fetch(url, { method: 'POST', headers, body: envelope });
    if (!response.ok) throw new Error(`${method}: ${await response.text()}`);
    return response;
  };
  return async (method, self, body, { user, password }) => {
    const names = `<userName>${user}</userName><password>${password}</password>`;
    const login = await send('Login', 'SessionManager:SessionManager', names, '');
    const cookie = login.headers.get('set-cookie')?.split(';')[0] ?? '';
    return (await send(method, self, body, cookie)).text();
  };
}
