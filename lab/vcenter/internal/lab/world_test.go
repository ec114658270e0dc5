package lab

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/vmware/govmomi/event"
	"github.com/vmware/govmomi/object"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/types"
)

func TestTheLabComesBackAsItWas(t *testing.T) {
	dir := t.TempDir()
	r := rigIn(t, dir)
	r.makeDisk("[shared-1] d.vmdk", 1)
	folders := must(r.dc.Folders(r.ctx))(t)
	folder := must(folders.VmFolder.CreateFolder(r.ctx, "stowage"))(t)
	pool := must(must(r.finder.DefaultResourcePool(r.ctx))(t).Create(r.ctx, "stowage", types.DefaultResourceConfigSpec()))(t)
	info := r.await(folder.CreateVM(r.ctx, types.VirtualMachineConfigSpec{
		Name: "c1", Uuid: "11111111-2222-3333-4444-555555555555", NumCPUs: 2, MemoryMB: 512,
		Files:        &types.VirtualMachineFileInfo{VmPathName: "[shared-2]"},
		DeviceChange: []types.BaseVirtualDeviceConfigSpec{change(types.VirtualDeviceConfigSpecOperationAdd, pvscsi(-1, 0)), change(types.VirtualDeviceConfigSpecOperationAdd, existingDisk("[shared-1] d.vmdk", -1, nil))},
		ExtraConfig:  []types.BaseOptionValue{&types.OptionValue{Key: "guestinfo.stowage.id", Value: "c1"}},
	}, pool, nil))
	vm := object.NewVirtualMachine(r.c.Client, info.Result.(types.ManagedObjectReference))
	r.await(vm.PowerOn(r.ctx))
	before := r.props(vm.Reference())
	r.do("/lab/ha", map[string]any{"enabled": false, "delayMs": 77})
	r.do("/lab/hosts/esx-3.lab/fail", map[string]string{"mode": "isolate"})
	hosts, stores := len(r.lab.hosts), r.lab.datastoreNamed("nfs-1").ds.Self
	lastTask := r.lab.serial.last()
	r.stop()

	r = rigIn(t, dir)
	now := r.props(vm.Reference())
	switch {
	case now.Config.Uuid != before.Config.Uuid, now.Config.ChangeVersion != before.Config.ChangeVersion, now.Runtime.PowerState != before.Runtime.PowerState,
		*now.Runtime.Host != *before.Runtime.Host, *now.Parent != folder.Reference(), *now.ResourcePool != pool.Reference(),
		len(now.Config.Hardware.Device) != len(before.Config.Hardware.Device), len(now.Config.ExtraConfig) != 1:
		t.Errorf("%+v\n%+v", before, now)
	}
	if h := r.lab.hostNamed("esx-3.lab"); h.isConnected() || h.outage != isolated || len(r.lab.hosts) != hosts || r.lab.datastoreNamed("nfs-1").ds.Self != stores {
		t.Error("hosts or datastores changed")
	}
	if r.lab.haEnabled() || r.lab.ha.Delay.Milliseconds() == 0 || r.lab.serial.last() <= lastTask {
		t.Error("settings or serials were lost")
	}
	r.refuse(&types.GenericVmConfigFault{})(r.attach(r.vm("lab-vm-1"), "[shared-1] d.vmdk", "persistent", -1))
}

func TestStorageDRSMovesAnAttachedDisk(t *testing.T) {
	r := newRig(t)
	r.mkdir("[pod-ds-1] volumes/v")
	r.makeDisk("[pod-ds-1] volumes/v/v.vmdk", 1)
	vm := r.vm("lab-vm-1")
	r.await(r.attach(vm, "[pod-ds-1] volumes/v/v.vmdk", "independent_persistent", -1))
	uuid := must(r.disks.QueryVirtualDiskUuid(r.ctx, "[pod-ds-1] volumes/v/v.vmdk", r.dc))(t)
	var moved map[string]string
	r.control("POST", "/lab/storage/move", map[string]string{"disk": "[pod-ds-1] volumes/v/v.vmdk", "datastore": "pod-ds-2"}, &moved)
	name, _, _ := modeOf(disksOf(r.props(vm.Reference()).Config.Hardware.Device)[0])
	if name != moved["disk"] || must(r.disks.QueryVirtualDiskUuid(r.ctx, name, r.dc))(t) != uuid {
		t.Errorf("%s, %v", name, moved)
	}
	r.refuse(&types.FileLocked{})(r.disks.DeleteVirtualDisk(r.ctx, name, r.dc))
	r.await(vm.PowerOff(r.ctx))
	ds := r.lab.datastoreNamed("shared-2").ds.Self
	r.await(vm.Relocate(r.ctx, types.VirtualMachineRelocateSpec{Datastore: &ds}, types.VirtualMachineMovePriorityDefaultPriority))
	now := r.props(vm.Reference())
	name, _, _ = modeOf(disksOf(now.Config.Hardware.Device)[0])
	if now.Config.Files.VmPathName != "[shared-2] lab-vm-1/lab-vm-1.vmx" || name != "[shared-2] lab-vm-1/lab-vm-1.vmdk" {
		t.Error(now.Config.Files.VmPathName, name)
	}
	if left, _ := filepath.Glob(filepath.Join(r.lab.opt.Dir, "datastores", "shared-1", "lab-vm-1*")); len(left) > 0 {
		t.Error(left)
	}
	r.await(vm.PowerOn(r.ctx))
}

func TestPlacementAvoidsHostsThatCannotRun(t *testing.T) {
	r := newRig(t)
	r.do("/lab/hosts/esx-3.lab/fail", map[string]string{"mode": "isolate"})
	cluster := must(r.finder.ClusterComputeResource(r.ctx, clusterName))(t)
	vm := r.vm("lab-vm-3").Reference()
	res := must(cluster.PlaceVm(r.ctx, types.PlacementSpec{ConfigSpec: &types.VirtualMachineConfigSpec{Name: "x"},
		Hosts: []types.ManagedObjectReference{r.hostSystem("esx-2.lab").Reference(), r.hostSystem("esx-3.lab").Reference()}}))(t)
	if n := len(res.Recommendations); n != 1 || *res.Recommendations[0].Action[0].(*types.PlacementAction).TargetHost != r.hostSystem("esx-2.lab").Reference() {
		t.Errorf("%+v", res.Recommendations)
	}
	r.do("/lab/hosts/esx-3.lab/return", nil)
	info := r.await(r.dc.PowerOnVM(r.ctx, []types.ManagedObjectReference{vm}))
	result := info.Result.(types.ClusterPowerOnVmResult)
	if len(result.Attempted) != 1 || len(result.Recommendations) != 1 {
		t.Fatalf("%+v", result)
	}
	r.await(object.NewTask(r.c.Client, *result.Attempted[0].Task), nil)
	if got := r.report("lab-vm-3"); got.Power != "poweredOn" || got.Host != "esx-3.lab" {
		t.Errorf("%+v", got)
	}
}

func TestAPodRecommendsItsEmptiestDatastore(t *testing.T) {
	r := newRig(t)
	r.await(r.disks.CreateVirtualDisk(r.ctx, "[pod-ds-1] fat.vmdk", r.dc, diskSpecOf(100, "eagerZeroedThick")))
	pod := must(r.finder.DatastoreCluster(r.ctx, "pod-1"))(t).Reference()
	res, err := methods.RecommendDatastores(r.ctx, r.c.Client, &types.RecommendDatastores{This: *r.c.ServiceContent.StorageResourceManager,
		StorageSpec: types.StoragePlacementSpec{Type: "create", PodSelectionSpec: types.StorageDrsPodSelectionSpec{StoragePod: &pod}}})
	if err != nil {
		t.Fatal(err)
	}
	first := res.Returnval.Recommendations[0].Action[0].(*types.StoragePlacementAction).Destination
	if r.lab.nameOf(first) != "pod-ds-2" {
		t.Error(r.lab.nameOf(first))
	}
}

func TestADatastoreIsSearchedByType(t *testing.T) {
	r := newRig(t)
	r.mkdir("[shared-2] volumes/v")
	r.makeDisk("[shared-2] volumes/v/v.vmdk", 5)
	ds := must(r.finder.Datastore(r.ctx, "shared-2"))(t)
	browser := must(ds.Browser(r.ctx))(t)
	info := r.await(browser.SearchDatastoreSubFolders(r.ctx, "[shared-2] volumes", &types.HostDatastoreBrowserSearchSpec{
		Query:   []types.BaseFileQuery{&types.VmDiskFileQuery{Details: &types.VmDiskFileQueryFlags{CapacityKb: true, Thin: types.NewBool(true)}}},
		Details: &types.FileQueryFlags{FileType: true, FileSize: true},
	}))
	found := info.Result.(types.ArrayOfHostDatastoreBrowserSearchResults).HostDatastoreBrowserSearchResults
	disk := found[1].File[0].(*types.VmDiskFileInfo)
	if len(found) != 2 || found[1].FolderPath != "[shared-2] volumes/v/" || disk.Path != "v.vmdk" || disk.CapacityKb != 5<<20 || !*disk.Thin {
		t.Errorf("%+v %+v", found, disk)
	}
	r.refuse(&types.FileNotFound{})(browser.SearchDatastore(r.ctx, "[shared-2] none", nil))
	err := r.files.MakeDirectory(r.ctx, "[shared-2] volumes/v", r.dc, true)
	r.expect(&types.FileAlreadyExists{}, err)
}

func TestFoldersAreCopiedMovedAndDeletedWithTheirDisks(t *testing.T) {
	r := newRig(t)
	r.mkdir("[shared-1] a/b")
	r.makeDisk("[shared-1] a/b/d.vmdk", 1)
	r.await(r.files.MoveDatastoreFile(r.ctx, "[shared-1] a", r.dc, "[shared-2] z", r.dc, false))
	if r.lab.disks["[shared-2] z/b/d.vmdk"] == nil || r.lab.disks["[shared-1] a/b/d.vmdk"] != nil {
		t.Error("the disk did not follow")
	}
	r.await(r.files.CopyDatastoreFile(r.ctx, "[shared-2] z/b/d.vmdk", r.dc, "[nfs-1] d.vmdk", r.dc, false))
	if _, err := os.Stat(filepath.Join(r.lab.opt.Dir, "datastores", "nfs-1", "d-flat.vmdk")); err != nil {
		t.Error(err)
	}
	r.await(r.files.DeleteDatastoreFile(r.ctx, "[shared-2] z", r.dc))
	if r.lab.disks["[shared-2] z/b/d.vmdk"] != nil {
		t.Error("the disk is still listed")
	}
}

func TestEventsAreFilteredAndInOrder(t *testing.T) {
	r := newRig(t)
	vm := r.vm("lab-vm-1")
	r.await(vm.PowerOff(r.ctx))
	r.await(vm.PowerOn(r.ctx))
	manager := event.NewManager(r.c.Client)
	got := must(manager.QueryEvents(r.ctx, types.EventFilterSpec{EventTypeId: []string{"VmPoweredOffEvent", "VmPoweredOnEvent"},
		Entity: &types.EventFilterSpecByEntity{Entity: vm.Reference(), Recursion: "self"}}))(t)
	if len(got) != 3 || got[1].GetEvent().Key >= got[2].GetEvent().Key {
		t.Fatalf("%d events", len(got))
	}
	if _, ok := got[2].(*types.VmPoweredOnEvent); !ok {
		t.Errorf("%T", got[2])
	}
	inside := must(manager.QueryEvents(r.ctx, types.EventFilterSpec{Type: []string{"VmEvent"},
		Entity: &types.EventFilterSpecByEntity{Entity: r.c.ServiceContent.RootFolder, Recursion: "all"}}))(t)
	if len(inside) < 8 {
		t.Errorf("%d events", len(inside))
	}
}

func TestAVMIsFoundByUUIDAndPath(t *testing.T) {
	r := newRig(t)
	cfg := r.props(r.vm("lab-vm-2").Reference()).Config
	index := object.NewSearchIndex(r.c.Client)
	byUUID := must(index.FindByUuid(r.ctx, r.dc, cfg.Uuid, true, nil))(t)
	byPath := must(index.FindByDatastorePath(r.ctx, r.dc, cfg.Files.VmPathName))(t)
	inventory := must(index.FindByInventoryPath(r.ctx, "/lab-dc/vm/lab-vm-2"))(t)
	if byUUID == nil || byPath == nil || inventory == nil || byUUID.Reference() != inventory.Reference() || byPath.Reference() != inventory.Reference() {
		t.Error(byUUID, byPath, inventory)
	}
}

func TestWhatATaskAnsweredSurvivesAKill(t *testing.T) {
	dir := t.TempDir()
	r := rigIn(t, dir)
	r.await(r.vm("lab-vm-3").PowerOn(r.ctx))
	saved, err := readState(filepath.Join(dir, "state.json")) // what a killed process leaves
	if err != nil || saved.Machines[2].Power != "poweredOn" || !saved.Machines[2].Runs {
		t.Errorf("%+v %v", saved.Machines, err)
	}
}

func TestNamesAreUniqueInAFolder(t *testing.T) {
	r := newRig(t)
	folders := must(r.dc.Folders(r.ctx))(t)
	pool := must(r.finder.DefaultResourcePool(r.ctx))(t)
	create := func(name, path string) (*object.Task, error) {
		return folders.VmFolder.CreateVM(r.ctx, types.VirtualMachineConfigSpec{Name: name, Files: &types.VirtualMachineFileInfo{VmPathName: path}}, pool, nil)
	}
	r.refuse(&types.DuplicateName{})(create("lab-vm-1", "[shared-2]"))
	r.refuse(&types.FileAlreadyExists{})(create("other", "[shared-1] lab-vm-1/lab-vm-1.vmx"))
	r.await(create("a", "[shared-2]"))
	r.do("/lab/hosts/esx-1.lab/fail", map[string]string{"mode": "isolate"})
	h := r.hostSystem("esx-1.lab")
	r.refuse(&types.HostNotReachable{})(folders.VmFolder.CreateVM(r.ctx, types.VirtualMachineConfigSpec{Name: "b", Files: &types.VirtualMachineFileInfo{VmPathName: "[shared-2]"}}, pool, h))
}

func TestMigrateAndRelocateChangeTheHost(t *testing.T) {
	r := newRig(t)
	vm := r.vm("lab-vm-1")
	to := r.hostSystem("esx-3.lab")
	r.await(vm.Migrate(r.ctx, nil, to, types.VirtualMachineMovePriorityDefaultPriority, ""))
	ref := r.hostSystem("esx-2.lab").Reference()
	if got := r.report("lab-vm-1").Host; got != "esx-3.lab" {
		t.Error(got)
	}
	r.await(vm.Relocate(r.ctx, types.VirtualMachineRelocateSpec{Host: &ref}, types.VirtualMachineMovePriorityDefaultPriority))
	if got := r.report("lab-vm-1").Host; got != "esx-2.lab" {
		t.Error(got)
	}
}
