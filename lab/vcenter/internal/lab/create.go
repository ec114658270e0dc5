package lab

import (
	"fmt"
	"os"
	"path"
	"reflect"
	"strings"
	"time"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/simulator/esx"
	"github.com/vmware/govmomi/vim25/types"
)

func parentOf(rel string) string {
	if dir := path.Dir(rel); dir != "." {
		return dir
	}
	return ""
}

func (l *Lab) createVM(c *call, r *types.CreateVM_Task) (any, fault) {
	return l.start(c, r.This, func(*task) (any, fault) {
		m, f := l.create(r.This, &r.Config, r.Pool, r.Host)
		if f != nil {
			return nil, f
		}
		return m.ref(), nil
	})
}

// checkName keeps names unique in a folder.
func (l *Lab) checkName(folder moref, name string) fault {
	parent, ok := l.reg.Get(folder).(*simulator.Folder)
	if !ok {
		return &types.ManagedObjectNotFound{Obj: folder}
	}
	for _, ref := range parent.ChildEntity {
		if l.nameOf(ref) == name {
			return &types.DuplicateName{Name: name, Object: ref}
		}
	}
	return nil
}

// target finds the host and pool a new VM goes to.
func (l *Lab) target(pool moref, wanted *moref) (*host, fault) {
	if _, ok := l.reg.Get(pool).(*simulator.ResourcePool); !ok {
		return nil, &types.ManagedObjectNotFound{Obj: pool}
	}
	if wanted != nil {
		h := l.hostOf(*wanted)
		if h == nil {
			return nil, &types.ManagedObjectNotFound{Obj: *wanted}
		}
		if f := h.unreachable(); f != nil {
			return nil, f
		}
		return h, nil
	}
	if h := l.bestHost(nil); h != nil {
		return h, nil
	}
	return nil, &types.NoCompatibleHost{}
}

func (l *Lab) create(folder moref, spec *types.VirtualMachineConfigSpec, pool moref, wanted *moref) (*machine, fault) {
	if spec.Name == "" {
		return nil, &types.InvalidVmConfig{Property: "configSpec.name"}
	}
	if spec.Files == nil || spec.Files.VmPathName == "" {
		return nil, &types.InvalidVmConfig{Property: "configSpec.files.vmPathName"}
	}
	if f := l.checkName(folder, spec.Name); f != nil {
		return nil, f
	}
	h, f := l.target(pool, wanted)
	if f != nil {
		return nil, f
	}
	vmx, madeDir, f := l.newVMX(spec.Files.VmPathName, spec.Name)
	if f != nil {
		return nil, f
	}
	cfg, f := l.baseConfig(spec, vmx)
	if f == nil {
		plan := &devicePlan{lab: l, name: spec.Name, dir: vmx.ds.file(parentOf(vmx.rel)), devices: cfg.Hardware.Device, renamed: map[int32]int32{}}
		if f = plan.apply(plan.withoutDefaults(spec.DeviceChange)); f == nil {
			if f = plan.carryOut(nil); f == nil {
				cfg.Hardware.Device = plan.devices
			}
		}
	}
	if f != nil {
		l.discard(vmx, madeDir)
		return nil, f
	}
	m := l.newMachine(l.newVMRef(), cfg, vmx, h, folder, pool)
	m.commit(cfg)
	if err := m.save(); err != nil {
		l.drop(m)
		l.discard(vmx, madeDir)
		return nil, &types.CannotCreateFile{FileFault: fileFault(vmx.String())}
	}
	_ = os.WriteFile(strings.TrimSuffix(vmx.local, ".vmx")+".nvram", nil, 0o644)
	_ = os.WriteFile(path.Join(path.Dir(vmx.local), "vmware.log"), nil, 0o644)
	m.say(&types.VmCreatedEvent{VmEvent: m.event()}, "was created")
	return m, nil
}

func (l *Lab) discard(vmx file, madeDir bool) {
	if madeDir {
		dir := vmx.ds.file(parentOf(vmx.rel))
		_ = os.RemoveAll(dir.local)
		l.reindex(dir)
	} else {
		_ = os.Remove(vmx.local)
	}
}

// newVMX decides where the .vmx goes and makes its directory.
func (l *Lab) newVMX(dsPath, name string) (vmx file, madeDir bool, f fault) {
	at, f := l.resolve(dsPath)
	if f != nil {
		return at, false, f
	}
	safe := strings.NewReplacer("/", "-", "\\", "-", "%", "-").Replace(name)
	if path.Ext(at.rel) == ".vmx" {
		if at.exists() {
			return at, false, fileExists(at.String())
		}
		vmx = at
	} else if at.rel == "" {
		dir := safe
		for n := 1; at.ds.file(dir).exists(); n++ {
			dir = fmt.Sprintf("%s_%d", safe, n)
		}
		vmx = at.ds.file(dir + "/" + safe + ".vmx")
	} else {
		vmx = at.ds.file(at.rel + "/" + safe + ".vmx")
		if vmx.exists() {
			return at, false, fileExists(vmx.String())
		}
	}
	if vmx.hasParent() {
		return vmx, false, nil
	}
	if err := os.MkdirAll(path.Dir(vmx.local), 0o755); err != nil {
		return vmx, false, &types.CannotCreateFile{FileFault: fileFault(vmx.String())}
	}
	return vmx, true, nil
}

func (l *Lab) baseConfig(spec *types.VirtualMachineConfigSpec, vmx file) (*types.VirtualMachineConfigInfo, fault) {
	devices, err := defaultDevices()
	if err != nil {
		return nil, &types.SystemError{Reason: err.Error()}
	}
	allocation := types.DefaultResourceConfigSpec()
	dir := vmx.ds.path(parentOf(vmx.rel))
	cfg := &types.VirtualMachineConfigInfo{
		Version: "vmx-19", Uuid: newUUID(), InstanceUuid: newUUID(), CreateDate: types.NewTime(time.Now().UTC()),
		GuestId: "otherGuest", GuestFullName: "otherGuest", Firmware: "bios",
		Files: types.VirtualMachineFileInfo{
			VmPathName: vmx.String(), SnapshotDirectory: dir + "/", SuspendDirectory: dir + "/", LogDirectory: dir + "/",
		},
		Tools: &types.ToolsConfigInfo{}, BootOptions: &types.VirtualMachineBootOptions{},
		CpuAllocation: &allocation.CpuAllocation, MemoryAllocation: &allocation.MemoryAllocation,
		Hardware: types.VirtualHardware{NumCPU: 1, NumCoresPerSocket: types.NewInt32(1), MemoryMB: 256, Device: devices},
		Flags:    types.VirtualMachineFlagInfo{DiskUuidEnabled: types.NewBool(false)},
	}
	if f := applySpec(cfg, spec); f != nil {
		return nil, f
	}
	for _, m := range l.machines {
		if m.vm.Config.InstanceUuid == cfg.InstanceUuid {
			cfg.InstanceUuid = newUUID() // vCenter keeps this one unique by changing it
		}
	}
	return cfg, nil
}

func defaultDevices() ([]types.BaseVirtualDevice, error) {
	in := types.ArrayOfVirtualDevice{VirtualDevice: esx.VirtualDevice}
	out, err := clone(&in)
	if err != nil {
		return nil, err
	}
	return out.VirtualDevice, nil
}

// withoutDefaults drops additions of what every VM has anyway (video card, IDE, …).
func (p *devicePlan) withoutDefaults(changes []types.BaseVirtualDeviceConfigSpec) []types.BaseVirtualDeviceConfigSpec {
	var out []types.BaseVirtualDeviceConfigSpec
	for _, c := range changes {
		spec := c.GetVirtualDeviceConfigSpec()
		if spec.Operation == types.VirtualDeviceConfigSpecOperationAdd && spec.Device != nil {
			if have := p.defaultLike(spec.Device); have != nil {
				p.rename(spec.Device.GetVirtualDevice().Key, have.GetVirtualDevice().Key)
				continue
			}
		}
		out = append(out, c)
	}
	return out
}

func (p *devicePlan) defaultLike(d types.BaseVirtualDevice) types.BaseVirtualDevice {
	switch d.(type) {
	case *types.VirtualIDEController, *types.VirtualPS2Controller, *types.VirtualPCIController, *types.VirtualSIOController,
		*types.VirtualKeyboard, *types.VirtualPointingDevice, *types.VirtualMachineVideoCard, *types.VirtualMachineVMCIDevice:
	default:
		return nil
	}
	for _, h := range p.devices {
		if reflect.TypeOf(h) != reflect.TypeOf(d) {
			continue
		}
		if ide, ok := d.(*types.VirtualIDEController); ok && ide.BusNumber != h.(*types.VirtualIDEController).BusNumber {
			continue
		}
		return h
	}
	return nil
}

// addIdleMachines makes the VMs a fresh lab starts with.
func (l *Lab) addIdleMachines(n int) {
	for i := 1; i <= n; i++ {
		_, _ = l.addMachine(fmt.Sprintf("lab-vm-%d", i), i <= 2)
	}
}

// addMachine makes an idle VM with one PVSCSI controller and no disk.
func (l *Lab) addMachine(name string, on bool) (*machine, fault) {
	key := int32(-1)
	spec := &types.VirtualMachineConfigSpec{
		Name: name, NumCPUs: 1, MemoryMB: 256, GuestId: "otherLinux64Guest",
		Files: &types.VirtualMachineFileInfo{VmPathName: "[shared-1] " + name + "/" + name + ".vmx"},
		DeviceChange: []types.BaseVirtualDeviceConfigSpec{
			&types.VirtualDeviceConfigSpec{Operation: types.VirtualDeviceConfigSpecOperationAdd,
				Device: &types.ParaVirtualSCSIController{VirtualSCSIController: types.VirtualSCSIController{
					SharedBus:         types.VirtualSCSISharingNoSharing,
					VirtualController: types.VirtualController{VirtualDevice: types.VirtualDevice{Key: key}},
				}}},
			&types.VirtualDeviceConfigSpec{Operation: types.VirtualDeviceConfigSpecOperationAdd,
				Device: &types.VirtualVmxnet3{VirtualVmxnet: types.VirtualVmxnet{VirtualEthernetCard: types.VirtualEthernetCard{
					VirtualDevice: types.VirtualDevice{Key: -2, Backing: &types.VirtualEthernetCardNetworkBackingInfo{
						VirtualDeviceDeviceBackingInfo: types.VirtualDeviceDeviceBackingInfo{DeviceName: "VM Network"}, Network: &l.network}},
				}}}},
		},
	}
	m, f := l.create(l.vmFolder, spec, l.rootPool, nil)
	if f == nil && on {
		f = l.powerOn(m)
	}
	return m, f
}
