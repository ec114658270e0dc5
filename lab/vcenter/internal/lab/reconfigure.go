package lab

import (
	"fmt"
	"reflect"
	"time"

	"github.com/vmware/govmomi/vim25/types"
)

func (l *Lab) reconfigVM(c *call, r *types.ReconfigVM_Task) (any, fault) {
	m, f := l.machineOf(r.This)
	if f != nil {
		return nil, f
	}
	return l.start(c, r.This, func(*task) (any, fault) {
		if _, f := l.machineOf(r.This); f != nil {
			return nil, f
		}
		if f := m.unreachable(); f != nil {
			return nil, f
		}
		return nil, l.reconfigure(m, &r.Spec)
	})
}

// reconfigure applies a spec as a whole or not at all.
func (l *Lab) reconfigure(m *machine, spec *types.VirtualMachineConfigSpec) fault {
	defer l.seize(m)()
	if l.machines[m.ref()] != m {
		return &types.ManagedObjectNotFound{Obj: m.ref()}
	}
	if spec.ChangeVersion != "" && spec.ChangeVersion != m.vm.Config.ChangeVersion {
		return &types.ConcurrentAccess{}
	}
	if f := l.checkHot(m, spec); f != nil {
		return f
	}
	if spec.Name != "" && spec.Name != m.vm.Name {
		if f := l.checkName(*m.vm.Parent, spec.Name); f != nil {
			return f
		}
	}
	cfg := *m.vm.Config
	if f := applySpec(&cfg, spec); f != nil {
		return f
	}
	plan := &devicePlan{
		lab: l, name: m.vm.Name, dir: m.vmx.ds.file(parentOf(m.vmx.rel)), on: !m.isOff(), proc: m.proc,
		devices: copyDevices(cfg.Hardware.Device), renamed: map[int32]int32{},
	}
	if f := plan.apply(spec.DeviceChange); f != nil {
		return f
	}
	if f := plan.carryOut(m); f != nil {
		return f
	}
	cfg.Hardware.Device = plan.devices
	cfg.ExtraConfig = mergeOptions(m.vm.Config.ExtraConfig, spec.ExtraConfig) // the guest may have written meanwhile
	before := m.vm.Config
	m.commit(&cfg)
	if err := m.save(); err != nil {
		m.commit(before)
		return &types.CannotAccessVmConfig{Reason: types.LocalizedMethodFault{Fault: &types.SystemError{Reason: err.Error()}}}
	}
	m.say(&types.VmReconfiguredEvent{VmEvent: m.event(), ConfigSpec: types.VirtualMachineConfigSpec{}}, "was reconfigured")
	return nil
}

func copyDevices(in []types.BaseVirtualDevice) []types.BaseVirtualDevice {
	out := make([]types.BaseVirtualDevice, len(in))
	for i := range in {
		out[i] = copyDevice(in[i])
	}
	return out
}

// commit makes cfg the VM's configuration.
func (m *machine) commit(cfg *types.VirtualMachineConfigInfo) {
	now := time.Now().UTC()
	cfg.Modified = now
	cfg.ChangeVersion = fmt.Sprintf("%s.%d", now.Format("2006-01-02T15:04:05.000000Z"), m.lab.serial.take())
	renamed := m.vm.Name != cfg.Name
	m.vm.Config = cfg
	m.reopen()
	m.derive()
	m.host.measure()
	paths := []string{"config", "summary.config", "summary.storage", "datastore", "network", "layout"}
	if renamed {
		paths = append(paths, "name")
	}
	m.lab.touch(m.ref(), paths...)
}

// checkHot refuses what a running VM cannot change.
func (l *Lab) checkHot(m *machine, spec *types.VirtualMachineConfigSpec) fault {
	hw, cfg := m.vm.Config.Hardware, m.vm.Config
	if m.isOff() {
		return nil
	}
	yes := func(b *bool) bool { return b != nil && *b }
	switch {
	case spec.NumCPUs != 0 && spec.NumCPUs != hw.NumCPU && !(spec.NumCPUs > hw.NumCPU && yes(cfg.CpuHotAddEnabled)):
		return &types.CpuHotPlugNotSupported{}
	case spec.MemoryMB != 0 && spec.MemoryMB != int64(hw.MemoryMB) && !(spec.MemoryMB > int64(hw.MemoryMB) && yes(cfg.MemoryHotAddEnabled)):
		return &types.MemoryHotPlugNotSupported{}
	case spec.Uuid != "" && spec.Uuid != cfg.Uuid, spec.Firmware != "" && spec.Firmware != cfg.Firmware, spec.Version != "" && spec.Version != cfg.Version:
		return &types.InvalidPowerState{RequestedState: types.VirtualMachinePowerStatePoweredOff, ExistingState: m.vm.Runtime.PowerState}
	}
	return nil
}

// applySpec copies every field that spec and config have in common, then those
// that live elsewhere in the config.
func applySpec(cfg *types.VirtualMachineConfigInfo, spec *types.VirtualMachineConfigSpec) fault {
	if spec.NumCPUs < 0 || spec.MemoryMB < 0 || spec.MemoryMB > 24<<20 || spec.NumCPUs > 768 {
		return &types.InvalidVmConfig{Property: "configSpec.numCPUs"}
	}
	from, to := reflect.ValueOf(spec).Elem(), reflect.ValueOf(cfg).Elem()
	for i := 0; i < from.NumField(); i++ {
		name, v := from.Type().Field(i).Name, from.Field(i)
		switch name {
		case "DynamicData", "ExtraConfig", "Files", "ChangeVersion", "DeviceChange", "Flags", "VAppConfig":
			continue
		}
		target := to.FieldByName(name)
		if !target.IsValid() || v.IsZero() {
			continue
		}
		if v.Type() == target.Type() {
			target.Set(v)
		}
	}
	if spec.Flags != nil {
		cfg.Flags = *spec.Flags
	}
	if spec.NumCPUs != 0 {
		cfg.Hardware.NumCPU = spec.NumCPUs
	}
	if n := spec.NumCoresPerSocket; n != nil && *n != 0 {
		cfg.Hardware.NumCoresPerSocket = n
	}
	if spec.MemoryMB != 0 {
		cfg.Hardware.MemoryMB = int32(spec.MemoryMB)
	}
	if spec.GuestId != "" {
		cfg.GuestFullName = spec.GuestId
	}
	cfg.ExtraConfig = mergeOptions(cfg.ExtraConfig, spec.ExtraConfig)
	return nil
}

// mergeOptions sets, replaces and (by an empty value) removes extraConfig keys.
func mergeOptions(have, change []types.BaseOptionValue) []types.BaseOptionValue {
	if len(change) == 0 {
		return have
	}
	latest := map[string]types.BaseOptionValue{}
	var added []string
	for _, o := range change {
		key := o.GetOptionValue().Key
		if _, ok := latest[key]; !ok {
			added = append(added, key)
		}
		latest[key] = o
	}
	var out []types.BaseOptionValue
	keep := func(o types.BaseOptionValue) {
		v := o.GetOptionValue()
		if text, ok := v.Value.(string); v.Value != nil && !(ok && text == "") {
			out = append(out, &types.OptionValue{Key: v.Key, Value: v.Value})
		}
	}
	for _, o := range have {
		key := o.GetOptionValue().Key
		if n, ok := latest[key]; ok {
			keep(n)
			delete(latest, key)
			continue
		}
		out = append(out, o)
	}
	for _, key := range added {
		if o, ok := latest[key]; ok {
			keep(o)
		}
	}
	return out
}

// refreshBackings shows a disk's new capacity or uuid on the VMs that have it.
func (l *Lab) refreshBackings(path string) {
	k := l.disks[path]
	if k == nil {
		return
	}
	for _, m := range l.machines {
		uses := false
		for _, d := range m.disks() {
			if name, _, ok := modeOf(d); ok && name == path {
				uses = true
			}
		}
		if !uses {
			continue
		}
		cfg := *m.vm.Config
		cfg.Hardware.Device = copyDevices(cfg.Hardware.Device)
		for _, d := range disksOf(cfg.Hardware.Device) {
			if b, ok := d.Backing.(*types.VirtualDiskFlatVer2BackingInfo); ok && b.FileName == path {
				fillBacking(d, b, k)
			}
		}
		m.commit(&cfg)
		_ = m.save()
	}
}
