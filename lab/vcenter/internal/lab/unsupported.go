package lab

import (
	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/types"
)

// unsupported refuses what the simulator would answer from another model of the
// world than ours: its own files, its own hosts, guests it cannot run.
func unsupported(m *simulator.Method) fault {
	switch m.This.Type {
	case "GuestFileManager", "GuestProcessManager", "GuestAuthManager", "GuestOperationsManager":
		return &types.GuestOperationsUnavailable{}
	case "VcenterVStorageObjectManager", "HostVStorageObjectManager", "DatastoreNamespaceManager", "OvfManager", "HttpNfcLease",
		"HostDatastoreSystem", "VirtualApp", "VirtualMachineSnapshot", "TenantManager", "TaskHistoryCollector":
		return &types.NotSupported{}
	}
	switch m.This.Type + "." + m.Name {
	case "TaskManager.CreateCollectorForTasks", "ResourcePool.ImportVApp", "ResourcePool.CreateVApp", "ResourcePool.CreateChildVM_Task", "ResourcePool.RegisterChildVM_Task",
		"ResourcePool.DestroyChildren", "Folder.PlaceVmsXCluster":
		return &types.NotSupported{}
	}
	return nil
}
