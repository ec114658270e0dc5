package lab

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/vmware/govmomi/object"
	collect "github.com/vmware/govmomi/property"
	"github.com/vmware/govmomi/vim25/types"

	hypervisor "stowage/lab/vcenter/internal/host"
)

// guestRig is a lab that runs guests; its tests share a guest directory.
func guestRig(t *testing.T, dir, guest string) *rig {
	t.Helper()
	return rigWith(t, Options{Dir: dir, User: "user", Password: "pass", Hosts: 3, HA: true,
		Guests: hypervisor.Config{Guest: guest, MemoryMiB: 600}})
}

// container makes a VM with a serial port and the given extraConfig.
func (r *rig) container(name string, memoryMiB int64, info map[string]string) *object.VirtualMachine {
	r.t.Helper()
	pool := must(r.finder.DefaultResourcePool(r.ctx))(r.t)
	folders := must(r.dc.Folders(r.ctx))(r.t)
	add := func(d types.BaseVirtualDevice) types.BaseVirtualDeviceConfigSpec {
		return &types.VirtualDeviceConfigSpec{Operation: types.VirtualDeviceConfigSpecOperationAdd, Device: d}
	}
	spec := types.VirtualMachineConfigSpec{Name: name, NumCPUs: 1, MemoryMB: memoryMiB,
		Files: &types.VirtualMachineFileInfo{VmPathName: "[shared-1]"},
		DeviceChange: []types.BaseVirtualDeviceConfigSpec{
			add(&types.ParaVirtualSCSIController{VirtualSCSIController: types.VirtualSCSIController{SharedBus: "noSharing",
				VirtualController: types.VirtualController{VirtualDevice: types.VirtualDevice{Key: -1}}}}),
			add(&types.VirtualVmxnet3{VirtualVmxnet: types.VirtualVmxnet{VirtualEthernetCard: types.VirtualEthernetCard{
				VirtualDevice: types.VirtualDevice{Key: -2, Backing: &types.VirtualEthernetCardNetworkBackingInfo{
					VirtualDeviceDeviceBackingInfo: types.VirtualDeviceDeviceBackingInfo{DeviceName: "VM Network"}}}}}}),
			add(serialPort("tcp://127.0.0.1:9")),
		}}
	for k, v := range info {
		spec.ExtraConfig = append(spec.ExtraConfig, &types.OptionValue{Key: k, Value: v})
	}
	r.await(folders.VmFolder.CreateVM(r.ctx, spec, pool, nil))
	return r.vm(name)
}

func serialPort(uri string) *types.VirtualSerialPort {
	return &types.VirtualSerialPort{YieldOnPoll: true, VirtualDevice: types.VirtualDevice{Key: -3,
		Backing: &types.VirtualSerialPortURIBackingInfo{VirtualDeviceURIBackingInfo: types.VirtualDeviceURIBackingInfo{ServiceURI: uri, Direction: "client"}}}}
}

// until waits by property updates.
func (r *rig) until(vm *object.VirtualMachine, property string, ok func(v any) bool) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.ctx, 30*time.Second)
	defer cancel()
	var last any
	err := collect.Wait(ctx, collect.DefaultCollector(r.c.Client), vm.Reference(), []string{property}, func(changes []types.PropertyChange) bool {
		for _, c := range changes {
			last = c.Val
			if ok(c.Val) {
				return true
			}
		}
		return false
	})
	if err != nil {
		r.t.Fatalf("%s is %+v: %v", property, last, err)
	}
}

func is(want any) func(any) bool {
	return func(v any) bool { return fmt.Sprint(v) == fmt.Sprint(want) }
}

func (r *rig) untilInfo(vm *object.VirtualMachine, key, want string) {
	r.t.Helper()
	r.until(vm, "config.extraConfig", func(v any) bool {
		list, _ := v.(types.ArrayOfOptionValue)
		return optionOf(list.OptionValue, key) == want
	})
}

func (r *rig) setInfo(vm *object.VirtualMachine, key, value string) {
	r.t.Helper()
	r.await(vm.Reconfigure(r.ctx, types.VirtualMachineConfigSpec{ExtraConfig: []types.BaseOptionValue{&types.OptionValue{Key: key, Value: value}}}))
}

func (r *rig) guests() []hypervisor.Report {
	r.t.Helper()
	var out []hypervisor.Report
	r.control(http.MethodGet, "/lab/guests", nil, &out)
	return out
}

const (
	poweredOn  = types.VirtualMachinePowerStatePoweredOn
	poweredOff = types.VirtualMachinePowerStatePoweredOff
)

func (r *rig) uuidOf(path string) string {
	r.t.Helper()
	r.lab.mu.RLock()
	defer r.lab.mu.RUnlock()
	return strings.ToLower(strings.NewReplacer("-", "", " ", "").Replace(r.lab.disks[path].uuid))
}

// holdOutside takes QEMU's lock of a writer on a disk's extent.
func (r *rig) holdOutside(path string) (release func()) {
	r.t.Helper()
	r.lab.mu.Lock()
	k, _ := r.lab.existing(path)
	r.lab.mu.Unlock()
	file := must(os.OpenFile(k.flat().local, os.O_RDWR, 0))(r.t)
	const setOpenFileLock = 37 // F_OFD_SETLK
	for _, at := range []int64{101, 201} {
		lock := syscall.Flock_t{Type: syscall.F_RDLCK, Whence: io.SeekStart, Start: at, Len: 1}
		if err := syscall.FcntlFlock(file.Fd(), setOpenFileLock, &lock); err != nil {
			r.t.Fatal(err)
		}
	}
	return func() { _ = file.Close() }
}
