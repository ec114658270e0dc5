package lab

import (
	"testing"

	"github.com/vmware/govmomi/object"
	"github.com/vmware/govmomi/vim25/types"
)

func TestADiskHasOneWriter(t *testing.T) {
	r := newRig(t)
	r.makeDisk("[shared-1] d.vmdk", 1)
	one, two, off := r.vm("lab-vm-1"), r.vm("lab-vm-2"), r.vm("lab-vm-3")
	r.await(r.attach(one, "[shared-1] d.vmdk", "independent_persistent", -1))

	f := r.refuse(&types.GenericVmConfigFault{})(r.attach(two, "[shared-1] d.vmdk", "persistent", -1)).(*types.GenericVmConfigFault)
	if f.FaultMessage[0].Key != "msg.fileio.lock" || f.FaultMessage[1].Arg[0].Value != "[shared-1] d.vmdk" {
		t.Errorf("%+v", f.FaultMessage)
	}
	r.await(r.attach(off, "[shared-1] d.vmdk", "persistent", -1))
	r.refuse(&types.GenericVmConfigFault{})(off.PowerOn(r.ctx))
	r.refuse(&types.InvalidDeviceSpec{})(r.attach(one, "[shared-1] d.vmdk", "persistent", -1))

	r.refuse(&types.FileLocked{})(r.disks.DeleteVirtualDisk(r.ctx, "[shared-1] d.vmdk", r.dc))
	r.refuse(&types.FileLocked{})(r.disks.MoveVirtualDisk(r.ctx, "[shared-1] d.vmdk", r.dc, "[shared-1] e.vmdk", r.dc, false))
	r.refuse(&types.FileLocked{})(extendDiskTask(r, "[shared-1] d.vmdk", 2))
	r.refuse(&types.FileLocked{})(r.files.DeleteDatastoreFile(r.ctx, "[shared-1] d-flat.vmdk", r.dc))
	r.refuse(&types.FileLocked{})(off.Destroy(r.ctx))

	r.await(one.Suspend(r.ctx))
	r.refuse(&types.GenericVmConfigFault{})(off.PowerOn(r.ctx))
	r.await(one.PowerOn(r.ctx))
	r.await(one.PowerOff(r.ctx))
	r.await(off.PowerOn(r.ctx))
}

func TestReadersShareAndKeepWritersAway(t *testing.T) {
	r := newRig(t)
	r.mkdir("[shared-1] l")
	r.makeDisk("[shared-1] l/d.vmdk", 1)
	one, two, three := r.vm("lab-vm-1"), r.vm("lab-vm-2"), r.vm("lab-vm-3")
	const reader = "independent_nonpersistent"
	r.await(r.attach(one, "[shared-1] l/d.vmdk", reader, -1))
	r.await(r.attach(two, "[shared-1] l/d.vmdk", reader, -1))
	r.await(three.PowerOn(r.ctx))
	r.refuse(&types.GenericVmConfigFault{})(r.attach(three, "[shared-1] l/d.vmdk", "persistent", -1))
	r.refuse(&types.FileLocked{})(r.disks.DeleteVirtualDisk(r.ctx, "[shared-1] l/d.vmdk", r.dc))
	r.refuse(&types.FileLocked{})(r.files.DeleteDatastoreFile(r.ctx, "[shared-1] l", r.dc))
	r.await(r.detach(one, 2000))
	r.await(r.detach(two, 2000))
	r.await(r.attach(three, "[shared-1] l/d.vmdk", "persistent", -1))
	r.refuse(&types.GenericVmConfigFault{})(r.attach(one, "[shared-1] l/d.vmdk", reader, -1))
}

func TestDestroyDeletesTheDisksAttached(t *testing.T) {
	r := newRig(t)
	r.makeDisk("[shared-2] d.vmdk", 1)
	vm := r.vm("lab-vm-3")
	r.await(r.attach(vm, "[shared-2] d.vmdk", "persistent", -1))
	r.await(vm.Destroy(r.ctx))
	r.refuse(&types.FileNotFound{})(r.disks.DeleteVirtualDisk(r.ctx, "[shared-2] d.vmdk", r.dc))
}

func TestTheVictimOfADetachKeepsItsFile(t *testing.T) {
	r := newRig(t)
	r.makeDisk("[shared-2] d.vmdk", 3)
	vm := r.vm("lab-vm-1")
	r.await(r.attach(vm, "[shared-2] d.vmdk", "persistent", 9))
	disk := disksOf(r.props(vm.Reference()).Config.Hardware.Device)[0]
	b := disk.Backing.(*types.VirtualDiskFlatVer2BackingInfo)
	if disk.Key != 2009 || disk.CapacityInKB != 3<<20 || disk.CapacityInBytes != 3<<30 || b.Uuid == "" || b.Datastore == nil {
		t.Errorf("%+v %+v", disk, b)
	}
	r.await(r.detach(vm, disk.Key))
	r.await(r.disks.DeleteVirtualDisk(r.ctx, "[shared-2] d.vmdk", r.dc))
}

func TestMultiWritersShare(t *testing.T) {
	r := newRig(t)
	r.makeDisk("[shared-1] m.vmdk", 1)
	share := func(name string) (*object.Task, error) {
		return r.vm(name).Reconfigure(r.ctx, types.VirtualMachineConfigSpec{DeviceChange: []types.BaseVirtualDeviceConfigSpec{
			&types.VirtualDeviceConfigSpec{Operation: types.VirtualDeviceConfigSpecOperationAdd, Device: &types.VirtualDisk{
				VirtualDevice: types.VirtualDevice{Key: -1, ControllerKey: 1000, Backing: &types.VirtualDiskFlatVer2BackingInfo{
					DiskMode: "independent_persistent", Sharing: "sharingMultiWriter",
					VirtualDeviceFileBackingInfo: types.VirtualDeviceFileBackingInfo{FileName: "[shared-1] m.vmdk"}}}}},
		}})
	}
	r.await(share("lab-vm-1"))
	r.await(share("lab-vm-2"))
}
