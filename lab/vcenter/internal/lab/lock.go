package lab

import (
	"github.com/vmware/govmomi/vim25/types"

	hypervisor "stowage/lab/vcenter/internal/host"
)

// openMode is how a running VM has a disk open.
type openMode string

const (
	openWrite openMode = "write"       // alone
	openRead  openMode = "read"        // beside other readers
	openMulti openMode = "multiWriter" // beside other multi-writers
)

// process is a running (or suspended) VM on a host: it holds the locks. It
// lives on when its VM is unregistered while the host is isolated.
type process struct {
	host  *host
	vmx   string
	name  string
	disks map[string]openMode
	guest *hypervisor.Guest // its QEMU, if it has one
}

func modeOf(d *types.VirtualDisk) (string, openMode, bool) {
	b, ok := d.Backing.(*types.VirtualDiskFlatVer2BackingInfo)
	if !ok {
		return "", "", false
	}
	switch {
	case b.Sharing == string(types.VirtualDiskSharingSharingMultiWriter):
		return b.FileName, openMulti, true
	case b.DiskMode == string(types.VirtualDiskModeIndependent_nonpersistent):
		return b.FileName, openRead, true
	}
	return b.FileName, openWrite, true
}

func (m openMode) goesWith(other openMode) bool { return m == other && m != openWrite }

// mayOpen says whether a disk can be opened by self beside whoever has it open.
func (l *Lab) mayOpen(path string, mode openMode, self *process) fault {
	if l.busy[path] || l.reading[path] > 0 && mode != openRead {
		return lockedByOther(path)
	}
	for p := range l.processes {
		if p == self {
			continue
		}
		if other, ok := p.disks[path]; ok && !mode.goesWith(other) {
			return lockedByOther(path)
		}
	}
	return nil
}

func (l *Lab) isOpen(path string) bool {
	for p := range l.processes {
		if _, ok := p.disks[path]; ok {
			return true
		}
	}
	return false
}

func (l *Lab) hasWriter(path string) bool {
	for p := range l.processes {
		if mode, ok := p.disks[path]; ok && mode != openRead {
			return true
		}
	}
	return false
}

// openFiles lists every locked path: disks and the .vmx of running VMs, and
// disks being copied.
func (l *Lab) openFiles() map[string]bool {
	out := map[string]bool{}
	for path := range l.reading {
		out[path] = true
	}
	for p := range l.processes {
		out[p.vmx] = true
		for path := range p.disks {
			out[path] = true
		}
	}
	return out
}

// spawn opens all disks of a VM on a host, or none.
func (l *Lab) spawn(m *machine, h *host) fault {
	p := &process{host: h, vmx: m.vmx.String(), name: m.vm.Name, disks: map[string]openMode{}}
	for other := range l.processes {
		if other.vmx == p.vmx {
			return lockedByOther(p.vmx)
		}
	}
	for _, d := range m.disks() {
		path, mode, ok := modeOf(d)
		if !ok {
			continue
		}
		f, fault := l.resolve(path)
		if fault != nil || l.find(f) == nil {
			return fileNotFound(path)
		}
		if fault = l.mayOpen(path, mode, p); fault != nil {
			return fault
		}
		p.disks[path] = mode
	}
	if f := l.boot(m, p); f != nil {
		return f
	}
	l.processes[p] = struct{}{}
	m.proc = p
	return nil
}

// kill ends a process; its locks fall.
func (l *Lab) kill(p *process) {
	if p == nil {
		return
	}
	delete(l.processes, p)
	if p.guest != nil {
		p.guest.Kill()
	}
	for _, m := range l.machines {
		if m.proc == p {
			m.proc = nil
		}
	}
}

// reopen follows a running VM's changed disks. The caller has checked them.
func (m *machine) reopen() {
	if m.proc == nil {
		return
	}
	m.proc.disks = map[string]openMode{}
	for _, d := range m.disks() {
		path, mode, ok := modeOf(d)
		if !ok {
			continue
		}
		m.proc.disks[path] = mode
		if f, fault := m.lab.diskFile(path); m.proc.guest != nil && fault == nil {
			m.proc.guest.Moved(d.Key, (&disk{at: f}).flat().local)
		}
	}
}
