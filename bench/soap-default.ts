import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Client, createClientAsync } from 'soap';
import { splitMoref } from '../core/ids.ts';
import type { LabVcenter } from '../lab/vcenter.ts';
import { exportWsdl } from '../vsphere/schema/wsdl.ts';
import type { SoapSide } from './soap-ours.ts';

// node-soap as it comes: createClientAsync of the same WSDL, its own transport (axios) and its own reading of answers. Tasks are
// waited for as vSphere's guide has it: a filter for the Task, WaitForUpdatesEx until it is over, the filter destroyed.

interface Ref {
  readonly attributes: { readonly type: string };
  readonly $value: string;
}

interface Update {
  readonly version: string;
  readonly filterSet?: readonly {
    readonly objectSet?: readonly {
      readonly changeSet?: readonly { readonly name: string; readonly val: unknown }[];
    }[];
  }[];
}

type Call = (operation: string, args: object) => Promise<unknown>;

const ref = (type: string, value: string): Ref => ({ attributes: { type }, $value: value });

async function openClient(url: string): Promise<Client> {
  const dir = await mkdtemp(join(tmpdir(), 'stowage-bench-'));
  try {
    const path = join(dir, 'vim25.wsdl');
    await writeFile(path, exportWsdl());
    return await createClientAsync(path, {}, url);
  } finally {
    await rm(dir, { recursive: true });
  }
}

async function waitForTask(call: Call, collector: Ref, task: Ref): Promise<void> {
  const propSet = [{ type: 'Task', pathSet: ['info.state'] }];
  const spec = { propSet, objectSet: [{ obj: task }] };
  const filter = await call('CreateFilter', { _this: collector, spec, partialUpdates: false });
  let version: string | undefined;
  for (let state = ''; state !== 'success'; ) {
    const args = version === undefined ? {} : { version };
    const update = (await call('WaitForUpdatesEx', { _this: collector, ...args })) as Update;
    version = update.version;
    const changes = (update.filterSet ?? [])
      .flatMap((set) => set.objectSet ?? [])
      .flatMap((each) => each.changeSet ?? []);
    const value = changes.findLast((change) => change.name === 'info.state')?.val;
    state = typeof value === 'object' && value !== null && '$value' in value ? String(value.$value) : String(value);
    if (state === 'error') throw new Error(`the Task ${task.$value} failed`);
  }
  await call('DestroyPropertyFilter', { _this: filter });
}

export async function openDefault({ url, user, password }: LabVcenter): Promise<SoapSide> {
  const client = await openClient(url);
  const call: Call = async (operation, args) => {
    const method = client[`${operation}Async`] as (args: object) => Promise<readonly [{ returnval?: unknown } | null]>;
    const [result] = await method.call(client, args);
    return result?.returnval;
  };
  const content = (await call('RetrieveServiceContent', {
    _this: ref('ServiceInstance', 'ServiceInstance'),
  })) as Readonly<Record<'sessionManager' | 'propertyCollector' | 'virtualDiskManager' | 'rootFolder', Ref>>;
  await call('Login', { _this: content.sessionManager, userName: user, password });
  const cookies = client.lastResponseHeaders as { readonly 'set-cookie'?: readonly string[] } | undefined;
  client.addHttpHeader('Cookie', cookies?.['set-cookie']?.[0]?.split(';')[0] ?? '');
  const collector = content.propertyCollector;
  const read = (propSet: object, objectSet: object): Promise<unknown> =>
    call('RetrievePropertiesEx', {
      _this: collector,
      specSet: [{ propSet: [propSet], objectSet: [objectSet] }],
      options: {},
    });
  const found = (await read({ type: 'Folder', pathSet: ['childEntity'] }, { obj: content.rootFolder })) as {
    readonly objects: readonly {
      readonly propSet: readonly { readonly val: { readonly ManagedObjectReference: Ref | readonly Ref[] } }[];
    }[];
  };
  const datacenter = [found.objects[0]?.propSet[0]?.val.ManagedObjectReference].flat()[0];
  const on = { _this: content.virtualDiskManager, datacenter };
  return {
    name: 'node-soap',
    async readProperties(machine, pathSet) {
      const { type, value } = splitMoref(machine);
      const result = (await read({ type, pathSet }, { obj: ref(type, value) })) as {
        readonly objects: readonly { readonly propSet: readonly unknown[] }[];
      };
      return result.objects[0]?.propSet.length ?? 0;
    },
    async makeDisk(name) {
      const spec = {
        attributes: { 'xsi:type': 'vim25:FileBackedVirtualDiskSpec' },
        diskType: 'thin',
        adapterType: 'lsiLogic',
        capacityKb: 2 ** 20,
      };
      const { _this, datacenter } = on;
      await waitForTask(
        call,
        collector,
        (await call('CreateVirtualDisk_Task', { _this, name, datacenter, spec })) as Ref,
      );
      await waitForTask(call, collector, (await call('DeleteVirtualDisk_Task', { _this, name, datacenter })) as Ref);
    },
    async close() {
      await call('Logout', { _this: content.sessionManager });
    },
  };
}
