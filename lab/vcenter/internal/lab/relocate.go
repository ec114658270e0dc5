package lab

import (
	"fmt"
	"os"
	"path"

	"github.com/vmware/govmomi/vim25/types"
)

func (l *Lab) relocateCalls(t table) {
	const m = "VirtualMachine"
	t.write(m, "MigrateVM_Task", on(func(c *call, r *types.MigrateVM_Task) (any, fault) {
		return l.onMachine(c, func(m *machine) fault {
			if r.State != "" && r.State != m.vm.Runtime.PowerState {
				return m.wrongPower(r.State)
			}
			spec := types.VirtualMachineRelocateSpec{Host: r.Host, Pool: r.Pool}
			if spec.Host == nil {
				best := l.bestHost(m.host)
				if best == nil {
					return &types.NoCompatibleHost{}
				}
				spec.Host = &best.hs.Self
			}
			return l.relocate(m, &spec)
		})
	}))
	t.write(m, "RelocateVM_Task", on(func(c *call, r *types.RelocateVM_Task) (any, fault) {
		return l.onMachine(c, func(m *machine) fault { return l.relocate(m, &r.Spec) })
	}))
}

// relocate moves a VM to a host, and its files or single disks to datastores.
func (l *Lab) relocate(m *machine, spec *types.VirtualMachineRelocateSpec) fault {
	defer l.seize(m)()
	var to *host
	if spec.Host != nil {
		if to = l.hostOf(*spec.Host); to == nil {
			return &types.ManagedObjectNotFound{Obj: *spec.Host}
		}
		if f := to.unreachable(); f != nil {
			return f
		}
		if to.hs.Runtime.InMaintenanceMode {
			return &types.InvalidState{}
		}
	}
	moves, f := l.planMoves(m, spec)
	if f != nil {
		return f
	}
	for _, mv := range moves {
		if f := l.moveAttached(m, mv.key, mv.to); f != nil {
			return f
		}
	}
	if spec.Datastore != nil {
		if d := l.datastoreOf(*spec.Datastore); d != nil && d != m.vmx.ds {
			l.moveHome(m, d)
		}
	}
	if spec.Pool != nil && *spec.Pool != *m.vm.ResourcePool {
		l.changePool(m, *spec.Pool)
	}
	if to != nil && to != m.host {
		l.migrate(m, to)
	}
	return nil
}

// migrate is vMotion: the process and its locks go along.
func (l *Lab) migrate(m *machine, to *host) {
	source := m.host.event().Host
	if m.proc != nil {
		m.proc.host = to
	}
	m.place(to)
	m.say(&types.VmMigratedEvent{VmEvent: m.event(), SourceHost: *source}, "was migrated from %s", source.Name)
}

type diskMove struct {
	key int32
	to  *datastore
}

func (l *Lab) planMoves(m *machine, spec *types.VirtualMachineRelocateSpec) ([]diskMove, fault) {
	byKey := map[int32]*datastore{}
	if spec.Datastore != nil {
		d := l.datastoreOf(*spec.Datastore)
		if d == nil {
			return nil, &types.ManagedObjectNotFound{Obj: *spec.Datastore}
		}
		for _, disk := range m.disks() {
			byKey[disk.Key] = d
		}
	}
	for _, locator := range spec.Disk {
		d := l.datastoreOf(locator.Datastore)
		found := false
		for _, disk := range m.disks() {
			found = found || disk.Key == locator.DiskId
		}
		if d == nil || !found {
			return nil, invalid("spec.disk")
		}
		byKey[locator.DiskId] = d
	}
	var out []diskMove
	for _, disk := range m.disks() {
		name, mode, ok := modeOf(disk)
		to := byKey[disk.Key]
		if !ok || to == nil {
			continue
		}
		f, fault := l.diskFile(name)
		if fault != nil || l.find(f) == nil {
			return nil, fileNotFound(name)
		}
		if f.ds == to {
			continue
		}
		// A disk shared with other running VMs cannot be moved.
		if l.isOpenElsewhere(name, m.proc) || mode == openRead && l.isOpen(name) {
			return nil, fileLocked(name)
		}
		out = append(out, diskMove{disk.Key, to})
	}
	return out, nil
}

// moveAttached moves one disk's files and changes the backing. As with Storage
// vMotion the file is renamed after the VM, in the VM's directory on the target.
func (l *Lab) moveAttached(m *machine, key int32, to *datastore) fault {
	var name string
	for _, d := range m.disks() {
		if d.Key == key {
			name, _, _ = modeOf(d)
		}
	}
	f, fault := l.diskFile(name)
	if fault != nil {
		return fault
	}
	k := l.find(f)
	if k == nil {
		return fileNotFound(name)
	}
	if !k.thin && k.capacity > to.free() {
		return &types.NoDiskSpace{FileFault: fileFault(name), Datastore: to.ds.Name}
	}
	dir := parentOf(m.vmx.rel)
	if dir == "" {
		dir = m.vm.Name
	}
	target := to.file(dir + "/" + m.vm.Name + ".vmdk")
	for n := 1; target.exists(); n++ {
		target = to.file(fmt.Sprintf("%s/%s_%d.vmdk", dir, m.vm.Name, n))
	}
	if err := os.MkdirAll(path.Dir(target.local), 0o755); err != nil {
		return &types.CannotCreateFile{FileFault: fileFault(target.String())}
	}
	if fault = l.moveDisk(k, target); fault != nil {
		return fault
	}
	l.renameBackings(name, target.String())
	return nil
}

// renameBackings follows a moved disk in every VM that has it.
func (l *Lab) renameBackings(from, to string) {
	for _, m := range l.machines {
		uses := false
		for _, d := range m.disks() {
			if name, _, ok := modeOf(d); ok && name == from {
				uses = true
			}
		}
		if !uses {
			continue
		}
		cfg := *m.vm.Config
		cfg.Hardware.Device = copyDevices(cfg.Hardware.Device)
		for _, d := range disksOf(cfg.Hardware.Device) {
			if b, ok := d.Backing.(*types.VirtualDiskFlatVer2BackingInfo); ok && b.FileName == from {
				b.FileName = to
				if k := l.disks[to]; k != nil {
					fillBacking(d, b, k)
				}
			}
		}
		m.commit(&cfg)
		_ = m.save()
	}
}

// moveHome moves the .vmx and its kin.
func (l *Lab) moveHome(m *machine, to *datastore) {
	old := m.vmx
	target := to.file(old.rel)
	_ = os.MkdirAll(path.Dir(target.local), 0o755)
	cfg := *m.vm.Config
	dir := to.path(parentOf(target.rel)) + "/"
	cfg.Files.VmPathName, cfg.Files.LogDirectory = target.String(), dir
	cfg.Files.SnapshotDirectory, cfg.Files.SuspendDirectory = dir, dir
	if m.proc != nil {
		m.proc.vmx = target.String()
	}
	m.removeOldHome()
	m.vmx = target
	m.commit(&cfg)
	_ = m.save()
}

func (m *machine) removeOldHome() { m.lab.removeFiles(m) }
