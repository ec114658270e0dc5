package lab

import (
	"testing"

	"github.com/vmware/govmomi/vim25/types"
)

func change(op types.VirtualDeviceConfigSpecOperation, d types.BaseVirtualDevice) types.BaseVirtualDeviceConfigSpec {
	return &types.VirtualDeviceConfigSpec{Operation: op, Device: d}
}

func existingDisk(path string, controller int32, unit *int32) *types.VirtualDisk {
	return &types.VirtualDisk{VirtualDevice: types.VirtualDevice{Key: -10, ControllerKey: controller, UnitNumber: unit,
		Backing: &types.VirtualDiskFlatVer2BackingInfo{DiskMode: "persistent",
			VirtualDeviceFileBackingInfo: types.VirtualDeviceFileBackingInfo{FileName: path}}}}
}

func pvscsi(key, bus int32) *types.ParaVirtualSCSIController {
	return &types.ParaVirtualSCSIController{VirtualSCSIController: types.VirtualSCSIController{
		SharedBus:         types.VirtualSCSISharingNoSharing,
		VirtualController: types.VirtualController{BusNumber: bus, VirtualDevice: types.VirtualDevice{Key: key}}}}
}

func TestWrongPlacesAreRefused(t *testing.T) {
	r := newRig(t)
	r.makeDisk("[shared-1] d.vmdk", 1)
	r.makeDisk("[shared-1] e.vmdk", 1)
	vm := r.vm("lab-vm-1")
	for _, unit := range []int32{7, 65, 99} {
		f := r.refuse(&types.InvalidDeviceSpec{})(r.attach(vm, "[shared-1] d.vmdk", "persistent", unit)).(*types.InvalidDeviceSpec)
		if f.Property != "virtualDeviceSpec.device.unitNumber" || f.DeviceIndex != 0 {
			t.Errorf("%+v", f)
		}
	}
	r.await(r.attach(vm, "[shared-1] d.vmdk", "persistent", 3))
	r.refuse(&types.InvalidDeviceSpec{})(r.attach(vm, "[shared-1] e.vmdk", "persistent", 3))
	r.refuse(&types.InvalidDeviceSpec{})(r.detach(vm, 4711))
	add := types.VirtualDeviceConfigSpecOperationAdd
	r.refuse(&types.InvalidDeviceSpec{})(vm.Reconfigure(r.ctx, types.VirtualMachineConfigSpec{
		DeviceChange: []types.BaseVirtualDeviceConfigSpec{change(add, existingDisk("[shared-1] e.vmdk", 4242, nil))}}))
	r.refuse(&types.FileNotFound{})(r.attach(vm, "[shared-1] none.vmdk", "persistent", -1))

	var controllers []types.BaseVirtualDeviceConfigSpec
	for bus := int32(1); bus < 4; bus++ {
		controllers = append(controllers, change(add, pvscsi(-bus, bus)))
	}
	unit := int32(0)
	controllers = append(controllers, change(add, existingDisk("[shared-1] e.vmdk", -2, &unit)))
	r.await(vm.Reconfigure(r.ctx, types.VirtualMachineConfigSpec{DeviceChange: controllers}))
	disks := disksOf(r.props(vm.Reference()).Config.Hardware.Device)
	if d := disks[1]; d.ControllerKey != 1002 || d.Key != 2000+16*2 {
		t.Errorf("%+v", d)
	}
	r.refuse(&types.TooManyDevices{})(vm.Reconfigure(r.ctx, types.VirtualMachineConfigSpec{
		DeviceChange: []types.BaseVirtualDeviceConfigSpec{change(add, pvscsi(-1, 4))}}))
}

func TestAReconfigureIsAllOrNothing(t *testing.T) {
	r := newRig(t)
	r.makeDisk("[shared-1] d.vmdk", 1)
	vm := r.vm("lab-vm-1")
	before := r.props(vm.Reference())
	events := r.eventTypes()
	add := types.VirtualDeviceConfigSpecOperationAdd
	created := existingDisk("[shared-1] lab-vm-1/new.vmdk", 1000, nil)
	created.CapacityInKB = 1 << 20
	r.refuse(&types.FileNotFound{})(vm.Reconfigure(r.ctx, types.VirtualMachineConfigSpec{
		Annotation: "changed",
		DeviceChange: []types.BaseVirtualDeviceConfigSpec{
			change(add, existingDisk("[shared-1] d.vmdk", 1000, nil)),
			&types.VirtualDeviceConfigSpec{Operation: add, FileOperation: types.VirtualDeviceConfigSpecFileOperationCreate, Device: created},
			change(add, existingDisk("[shared-1] none.vmdk", 1000, nil)),
		}}))
	now := r.props(vm.Reference())
	if now.Config.Annotation != "" || now.Config.ChangeVersion != before.Config.ChangeVersion || now.Summary.Config.NumVirtualDisks != 0 {
		t.Errorf("something changed: %+v", now.Summary.Config)
	}
	if r.eventTypes() != events {
		t.Error("an event was posted")
	}
	if r.lab.disks["[shared-1] lab-vm-1/new.vmdk"] != nil {
		t.Error("the new disk is there")
	}
	r.refuse(&types.ConcurrentAccess{})(vm.Reconfigure(r.ctx, types.VirtualMachineConfigSpec{ChangeVersion: "old", Annotation: "x"}))
	r.await(vm.Reconfigure(r.ctx, types.VirtualMachineConfigSpec{ChangeVersion: now.Config.ChangeVersion, Annotation: "x"}))
	if later := r.props(vm.Reference()); later.Config.Annotation != "x" || later.Config.ChangeVersion == now.Config.ChangeVersion {
		t.Errorf("%q %q", later.Config.Annotation, later.Config.ChangeVersion)
	}
}

func TestADiskMadeByReconfigureGoesBesideTheVM(t *testing.T) {
	r := newRig(t)
	vm := r.vm("lab-vm-1")
	d := existingDisk("", 1000, nil)
	d.CapacityInKB = 1 << 20
	spec := &types.VirtualDeviceConfigSpec{Operation: types.VirtualDeviceConfigSpecOperationAdd,
		FileOperation: types.VirtualDeviceConfigSpecFileOperationCreate, Device: d}
	r.await(vm.Reconfigure(r.ctx, types.VirtualMachineConfigSpec{DeviceChange: []types.BaseVirtualDeviceConfigSpec{spec}}))
	made := disksOf(r.props(vm.Reference()).Config.Hardware.Device)[0]
	if name, _, _ := modeOf(made); name != "[shared-1] lab-vm-1/lab-vm-1.vmdk" {
		t.Error(name)
	}
	grown := *made
	grown.CapacityInKB, grown.CapacityInBytes = 2<<20, 0
	r.await(vm.Reconfigure(r.ctx, types.VirtualMachineConfigSpec{DeviceChange: []types.BaseVirtualDeviceConfigSpec{
		change(types.VirtualDeviceConfigSpecOperationEdit, &grown)}}))
	if now := disksOf(r.props(vm.Reference()).Config.Hardware.Device)[0]; now.CapacityInBytes != 2<<30 {
		t.Error(now.CapacityInBytes)
	}
	remove := &types.VirtualDeviceConfigSpec{Operation: types.VirtualDeviceConfigSpecOperationRemove,
		FileOperation: types.VirtualDeviceConfigSpecFileOperationDestroy, Device: made}
	r.await(vm.Reconfigure(r.ctx, types.VirtualMachineConfigSpec{DeviceChange: []types.BaseVirtualDeviceConfigSpec{remove}}))
	if r.lab.disks["[shared-1] lab-vm-1/lab-vm-1.vmdk"] != nil {
		t.Error("the file is still there")
	}
}
