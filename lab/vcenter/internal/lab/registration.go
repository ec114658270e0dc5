package lab

import (
	"os"
	"path"
	"strings"

	"github.com/vmware/govmomi/vim25/types"
)

func (l *Lab) machineCalls(t table) {
	const m = "VirtualMachine"
	t.write("Folder", "CreateVM_Task", on(l.createVM))
	t.write("Folder", "RegisterVM_Task", on(l.registerVM))
	t.write(m, "ReconfigVM_Task", on(l.reconfigVM))
	t.write(m, "UnregisterVM", on(l.unregisterVM))
	t.write(m, "Destroy_Task", on(l.destroyVM))
	t.write(m, "Rename_Task", on(l.renameVM))
	t.read(m, "AcquireTicket", func(*call) (any, fault) { return nil, &types.NotSupported{} })
	t.write(m, "RefreshStorageInfo", func(c *call) (any, fault) {
		if m := l.machines[c.method.This]; m != nil {
			m.derive()
		}
		return nil, nil
	})
	for _, name := range []string{
		"CloneVM_Task", "CreateSnapshot_Task", "CreateSnapshotEx_Task", "RevertToCurrentSnapshot_Task", "RemoveAllSnapshots_Task",
		"AttachDisk_Task", "DetachDisk_Task", "CustomizeVM_Task", "UpgradeVM_Task", "PromoteDisks_Task", "InstantClone_Task",
		"MarkAsTemplate", "MarkAsVirtualMachine", "ConsolidateVMDisks_Task", "TerminateVM",
	} {
		t.deny(m, name, func(*call) fault { return &types.NotSupported{} })
	}
}

// destroyVM deletes the VM's directory files and every disk attached to it.
func (l *Lab) destroyVM(c *call, _ *types.Destroy_Task) (any, fault) {
	return l.onMachine(c, l.destroy)
}

func (l *Lab) destroy(m *machine) fault {
	if !m.isOff() {
		return m.wrongPower(types.VirtualMachinePowerStatePoweredOff)
	}
	var doomed []*disk
	for _, d := range m.disks() {
		name, _, ok := modeOf(d)
		if !ok {
			continue
		}
		if l.isOpenElsewhere(name, nil) {
			return fileLocked(name)
		}
		if f, fault := l.diskFile(name); fault == nil {
			if k := l.find(f); k != nil {
				doomed = append(doomed, k)
			}
		}
	}
	if l.openFiles()[m.vmx.String()] {
		return fileLocked(m.vmx.String()) // a ghost of it runs on an isolated host
	}
	for _, k := range doomed {
		if f := l.deleteDisk(k); f != nil {
			return f
		}
	}
	l.removeFiles(m)
	m.say(&types.VmRemovedEvent{VmEvent: m.event()}, "was removed")
	l.drop(m)
	return nil
}

// removeFiles deletes what belongs to the VM itself, and its directory when
// nothing else is in it.
func (l *Lab) removeFiles(m *machine) {
	dir := path.Dir(m.vmx.local)
	stem := strings.TrimSuffix(path.Base(m.vmx.local), ".vmx")
	for _, name := range []string{stem + ".vmx", stem + ".nvram", stem + ".vmsd", stem + ".vmxf", "vmware.log"} {
		_ = os.Remove(path.Join(dir, name))
	}
	if parentOf(m.vmx.rel) != "" {
		_ = os.Remove(dir)
	}
}

// unregisterVM takes the VM out of the inventory. While its host is away this
// changes vCenter only: the host will still know the VM when it returns, and
// an isolated one keeps it running.
func (l *Lab) unregisterVM(c *call, _ *types.UnregisterVM) (any, fault) {
	m, f := l.machineOf(c.method.This)
	if f != nil {
		return nil, f
	}
	if m.unreachable() == nil {
		if !m.isOff() {
			return nil, m.wrongPower(types.VirtualMachinePowerStatePoweredOff)
		}
	} else {
		m.host.ghosts = append(m.host.ghosts, ghost{VMX: m.vmx.String(), Name: m.vm.Name})
	}
	m.say(&types.VmRemovedEvent{VmEvent: m.event()}, "was unregistered")
	l.drop(m)
	return nil, nil
}

func (l *Lab) registerVM(c *call, r *types.RegisterVM_Task) (any, fault) {
	return l.start(c, r.This, func(*task) (any, fault) {
		f, fault := l.resolve(r.Path)
		if fault != nil {
			return nil, fault
		}
		if r.Pool == nil {
			return nil, invalid("pool")
		}
		if m := l.machineByVMX(f.String()); m != nil {
			return nil, &types.AlreadyExists{Name: f.String()}
		}
		h, fault := l.target(*r.Pool, r.Host)
		if fault != nil {
			return nil, fault
		}
		cfg, err := readVMX(f)
		if os.IsNotExist(err) {
			return nil, &types.NotFound{}
		} else if err != nil {
			return nil, &types.InvalidArgument{InvalidProperty: "path"}
		}
		if r.Name != "" {
			cfg.Name = r.Name
		}
		if fault = l.checkName(r.This, cfg.Name); fault != nil {
			return nil, fault
		}
		m := l.newMachine(l.newVMRef(), cfg, f, h, r.This, *r.Pool)
		m.say(&types.VmRegisteredEvent{VmEvent: m.event()}, "was registered")
		return m.ref(), nil
	})
}

func (l *Lab) renameVM(c *call, r *types.Rename_Task) (any, fault) {
	return l.onMachine(c, func(m *machine) fault {
		if r.NewName == "" {
			return &types.InvalidName{Name: r.NewName, Entity: &r.This}
		}
		old := m.vm.Name
		if old == r.NewName {
			return nil
		}
		if f := l.reconfigure(m, &types.VirtualMachineConfigSpec{Name: r.NewName}); f != nil {
			return f
		}
		m.say(&types.VmRenamedEvent{VmEvent: m.event(), OldName: old, NewName: r.NewName}, "was renamed from %s", old)
		return nil
	})
}
