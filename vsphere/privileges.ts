// What the account that Stowage uses must be allowed, and where: the one list. `doctor.run` asks vCenter for each, and docs/vcenter-role.md
// shows it. Source: vSphere Web Services API reference, "Required Privileges" of each method that schema/ has.

/** The kind of object on which a privilege is needed; what lies below inherits it where the permission propagates. */
export type PrivilegePlace = 'datacenter' | 'datastore' | 'folder' | 'pool' | 'cluster' | 'network' | 'host';

/** What does not work without it. */
export type PrivilegeUse = 'everything' | 'volumes' | 'images' | 'containers' | 'draining hosts';

export interface Privilege {
  /** As the API has it. */
  readonly id: string;
  /** As the vSphere Client has it. */
  readonly label: string;
  readonly on: PrivilegePlace;
  readonly uses: readonly PrivilegeUse[];
  /** The calls that want it. */
  readonly calls: string;
}

const VOLUMES_AND_IMAGES = ['volumes', 'images'] as const;
const CONTAINERS = ['containers'] as const;
const ATTACHING = ['volumes', 'containers'] as const;

export const PRIVILEGES: readonly Privilege[] = [
  {
    id: 'System.View',
    label: 'Read-only',
    on: 'datacenter',
    uses: ['everything'],
    calls: 'views, the event log, Tasks',
  },
  {
    id: 'System.Read',
    label: 'Read-only',
    on: 'datacenter',
    uses: ['everything'],
    calls: 'properties of hosts, datastores, machines',
  },

  {
    id: 'Datastore.Browse',
    label: 'Datastore: Browse datastore',
    on: 'datastore',
    uses: VOLUMES_AND_IMAGES,
    calls: 'SearchDatastore_Task, reading files',
  },
  {
    id: 'Datastore.FileManagement',
    label: 'Datastore: Low level file operations',
    on: 'datastore',
    uses: VOLUMES_AND_IMAGES,
    calls: 'MakeDirectory, CreateVirtualDisk_Task and its like, writing files',
  },
  {
    id: 'Datastore.AllocateSpace',
    label: 'Datastore: Allocate space',
    on: 'datastore',
    uses: ATTACHING,
    calls: 'CreateVM_Task, disks of machines',
  },

  { id: 'Folder.Create', label: 'Folder: Create folder', on: 'folder', uses: CONTAINERS, calls: 'CreateFolder, once' },
  {
    id: 'VirtualMachine.Inventory.Create',
    label: 'Virtual machine: Edit inventory: Create new',
    on: 'folder',
    uses: CONTAINERS,
    calls: 'CreateVM_Task',
  },
  {
    id: 'VirtualMachine.Inventory.Delete',
    label: 'Virtual machine: Edit inventory: Remove',
    on: 'folder',
    uses: CONTAINERS,
    calls: 'Destroy_Task',
  },
  {
    id: 'VirtualMachine.Inventory.Register',
    label: 'Virtual machine: Edit inventory: Register',
    on: 'folder',
    uses: CONTAINERS,
    calls: 'RegisterVM_Task, in a recovery',
  },
  {
    id: 'VirtualMachine.Inventory.Unregister',
    label: 'Virtual machine: Edit inventory: Unregister',
    on: 'folder',
    uses: CONTAINERS,
    calls: 'UnregisterVM, in a recovery',
  },
  {
    id: 'VirtualMachine.Inventory.Move',
    label: 'Virtual machine: Edit inventory: Move',
    on: 'folder',
    uses: CONTAINERS,
    calls: 'MoveIntoFolder_Task, after vSphere HA',
  },
  {
    id: 'VirtualMachine.Config.AddNewDisk',
    label: 'Virtual machine: Change configuration: Add new disk',
    on: 'folder',
    uses: CONTAINERS,
    calls: 'CreateVM_Task: the scratch disk',
  },
  {
    id: 'VirtualMachine.Config.AddExistingDisk',
    label: 'Virtual machine: Change configuration: Add existing disk',
    on: 'folder',
    uses: ATTACHING,
    calls: 'ReconfigVM_Task: volumes and layers',
  },
  {
    id: 'VirtualMachine.Config.RemoveDisk',
    label: 'Virtual machine: Change configuration: Remove disk',
    on: 'folder',
    uses: ATTACHING,
    calls: 'ReconfigVM_Task: volumes',
  },
  {
    id: 'VirtualMachine.Config.AddRemoveDevice',
    label: 'Virtual machine: Change configuration: Add or remove device',
    on: 'folder',
    uses: ATTACHING,
    calls: 'ReconfigVM_Task: controllers, the network card, the serial port, the drive',
  },
  {
    id: 'VirtualMachine.Config.EditDevice',
    label: 'Virtual machine: Change configuration: Modify device settings',
    on: 'folder',
    uses: CONTAINERS,
    calls: 'ReconfigVM_Task: the serial port and the drive of guests',
  },
  {
    id: 'VirtualMachine.Config.DiskExtend',
    label: 'Virtual machine: Change configuration: Extend virtual disk',
    on: 'folder',
    uses: ['volumes'],
    calls: 'ReconfigVM_Task: a volume that is attached',
  },
  {
    id: 'VirtualMachine.Config.AdvancedConfig',
    label: 'Virtual machine: Change configuration: Advanced configuration',
    on: 'folder',
    uses: CONTAINERS,
    calls: 'ReconfigVM_Task: guestinfo.stowage.*',
  },
  {
    id: 'VirtualMachine.Config.CPUCount',
    label: 'Virtual machine: Change configuration: Change CPU count',
    on: 'folder',
    uses: CONTAINERS,
    calls: 'ReconfigVM_Task',
  },
  {
    id: 'VirtualMachine.Config.Memory',
    label: 'Virtual machine: Change configuration: Change memory',
    on: 'folder',
    uses: CONTAINERS,
    calls: 'ReconfigVM_Task',
  },
  {
    id: 'VirtualMachine.Config.Resource',
    label: 'Virtual machine: Change configuration: Change resource',
    on: 'folder',
    uses: CONTAINERS,
    calls: 'ReconfigVM_Task: the limit of CPU',
  },
  {
    id: 'VirtualMachine.Config.Settings',
    label: 'Virtual machine: Change configuration: Change settings',
    on: 'folder',
    uses: CONTAINERS,
    calls: 'ReconfigVM_Task',
  },
  {
    id: 'VirtualMachine.Config.Rename',
    label: 'Virtual machine: Change configuration: Rename',
    on: 'folder',
    uses: CONTAINERS,
    calls: 'Rename_Task',
  },
  {
    id: 'VirtualMachine.Interact.PowerOn',
    label: 'Virtual machine: Interaction: Power on',
    on: 'folder',
    uses: CONTAINERS,
    calls: 'PowerOnVM_Task, PowerOnMultiVM_Task',
  },
  {
    id: 'VirtualMachine.Interact.PowerOff',
    label: 'Virtual machine: Interaction: Power off',
    on: 'folder',
    uses: CONTAINERS,
    calls: 'PowerOffVM_Task',
  },
  {
    id: 'VirtualMachine.Interact.Suspend',
    label: 'Virtual machine: Interaction: Suspend',
    on: 'folder',
    uses: CONTAINERS,
    calls: 'SuspendVM_Task: pausing',
  },
  {
    id: 'VirtualMachine.Interact.Reset',
    label: 'Virtual machine: Interaction: Reset',
    on: 'folder',
    uses: CONTAINERS,
    calls: 'ResetVM_Task: restarting',
  },

  {
    id: 'Resource.CreatePool',
    label: 'Resource: Create resource pool',
    on: 'cluster',
    uses: CONTAINERS,
    calls: 'CreateResourcePool, once',
  },
  {
    id: 'Resource.AssignVMToPool',
    label: 'Resource: Assign virtual machine to resource pool',
    on: 'pool',
    uses: CONTAINERS,
    calls: 'CreateVM_Task, RegisterVM_Task',
  },
  {
    id: 'Resource.ColdMigrate',
    label: 'Resource: Migrate powered off virtual machine',
    on: 'folder',
    uses: ['containers', 'draining hosts'],
    calls: 'RelocateVM_Task',
  },
  {
    id: 'Resource.HotMigrate',
    label: 'Resource: Migrate powered on virtual machine',
    on: 'folder',
    uses: ['draining hosts'],
    calls: 'RelocateVM_Task',
  },
  { id: 'Network.Assign', label: 'Network: Assign network', on: 'network', uses: CONTAINERS, calls: 'CreateVM_Task' },
  {
    id: 'Host.Config.Maintenance',
    label: 'Host: Configuration: Maintenance',
    on: 'host',
    uses: ['draining hosts'],
    calls: 'EnterMaintenanceMode_Task, ExitMaintenanceMode_Task',
  },
];
