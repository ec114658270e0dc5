package lab

import (
	"fmt"
	"path"
	"strings"

	"github.com/vmware/govmomi/vim25/types"

	"stowage/lab/vcenter/internal/vmdk"
)

func (p *devicePlan) addDisk(i int, d *types.VirtualDisk, op types.VirtualDeviceConfigSpecFileOperation) fault {
	b, ok := d.Backing.(*types.VirtualDiskFlatVer2BackingInfo)
	if !ok {
		return deviceFault(i, "device.backing")
	}
	switch types.VirtualDiskMode(b.DiskMode) {
	case "":
		b.DiskMode = string(types.VirtualDiskModePersistent)
	case types.VirtualDiskModePersistent, types.VirtualDiskModeIndependent_persistent,
		types.VirtualDiskModeIndependent_nonpersistent, types.VirtualDiskModeNonpersistent:
	default:
		return deviceFault(i, "device.backing.diskMode")
	}
	if f := p.seat(i, &d.VirtualDevice); f != nil {
		return f
	}
	var f fault
	switch op {
	case "":
		f = p.useDisk(i, d, b)
	case types.VirtualDeviceConfigSpecFileOperationCreate:
		f = p.planDisk(i, d, b)
	default:
		f = deviceFault(i, "fileOperation")
	}
	if f != nil {
		return f
	}
	d.DeviceInfo = &types.Description{Label: p.diskLabel(), Summary: fmt.Sprintf("%d KB", d.CapacityInKB)}
	if d.Shares == nil {
		d.Shares = &types.SharesInfo{Shares: 1000, Level: types.SharesLevelNormal}
	}
	d.DiskObjectId = fmt.Sprintf("%s-%d", p.name, d.Key)
	p.devices = append(p.devices, d)
	return nil
}

func (p *devicePlan) diskLabel() string {
	return fmt.Sprintf("Hard disk %d", len(disksOf(p.devices))+1)
}

// useDisk attaches an existing file; hot-add opens it at once.
func (p *devicePlan) useDisk(i int, d *types.VirtualDisk, b *types.VirtualDiskFlatVer2BackingInfo) fault {
	f, fault := p.lab.diskFile(b.FileName)
	if fault != nil {
		return fault
	}
	k := p.lab.find(f)
	if k == nil {
		return fileNotFound(f.String())
	}
	b.FileName = f.String()
	for _, other := range disksOf(p.devices) {
		if name, _, ok := modeOf(other); ok && name == b.FileName {
			return deviceFault(i, "device.backing.fileName")
		}
	}
	if p.on {
		_, mode, _ := modeOf(d)
		if fault = p.lab.mayOpen(b.FileName, mode, p.proc); fault != nil {
			return fault
		}
	}
	fillBacking(d, b, k)
	return nil
}

// fillBacking copies what the descriptor says into the device.
func fillBacking(d *types.VirtualDisk, b *types.VirtualDiskFlatVer2BackingInfo, k *disk) {
	d.CapacityInKB, d.CapacityInBytes = k.capacity/1024, k.capacity
	b.Datastore = &k.at.ds.ds.Self
	b.Uuid = vmdk.Canonical(k.uuid)
	b.ThinProvisioned = types.NewBool(k.thin)
	if b.Sharing == "" {
		b.Sharing = string(types.VirtualDiskSharingSharingNone)
	}
}

// planDisk notes a file to create. Without a name it goes beside the .vmx.
func (p *devicePlan) planDisk(i int, d *types.VirtualDisk, b *types.VirtualDiskFlatVer2BackingInfo) fault {
	capacity := d.CapacityInBytes
	if capacity == 0 {
		capacity = d.CapacityInKB * 1024
	}
	if capacity <= 0 || capacity > maxDiskBytes {
		return deviceFault(i, "device.capacityInKB")
	}
	at, fault := p.newDiskFile(b.FileName)
	if fault != nil {
		return fault
	}
	for _, other := range p.create {
		if other.at == at {
			return fileExists(at.String())
		}
	}
	spec := diskSpec{capacity: capacity, adapter: "lsilogic", thin: b.ThinProvisioned != nil && *b.ThinProvisioned}
	if at.exists() {
		return fileExists(at.String())
	}
	if !spec.thin && capacity > at.ds.free() {
		return &types.NoDiskSpace{FileFault: fileFault(at.String()), Datastore: at.ds.ds.Name}
	}
	b.FileName = at.String()
	p.create = append(p.create, newDisk{at, spec, d})
	return nil
}

func (p *devicePlan) newDiskFile(name string) (file, fault) {
	ds := p.dir.ds
	if name != "" {
		at, f := p.lab.resolve(name)
		if f != nil {
			return at, f
		}
		if strings.HasSuffix(at.rel, ".vmdk") {
			if !at.hasParent() && path.Dir(at.rel) != p.dir.rel {
				return at, fileNotFound(at.ds.path(path.Dir(at.rel)))
			}
			return p.lab.diskFile(name)
		}
		ds = at.ds
	}
	for n := 0; ; n++ {
		base := p.name
		if n > 0 {
			base = fmt.Sprintf("%s_%d", p.name, n)
		}
		at := ds.file(path.Join(p.dir.rel, base+".vmdk"))
		if !at.exists() && !p.planned(at) {
			return at, nil
		}
	}
}

func (p *devicePlan) planned(at file) bool {
	for _, k := range p.create {
		if k.at == at {
			return true
		}
	}
	return false
}

// editDisk may grow a disk and, while the VM is off, change its mode.
func (p *devicePlan) editDisk(i int, old, want *types.VirtualDisk) (*types.VirtualDisk, fault) {
	out := copyDevice(old).(*types.VirtualDisk)
	b := out.Backing.(*types.VirtualDiskFlatVer2BackingInfo)
	if w, ok := want.Backing.(*types.VirtualDiskFlatVer2BackingInfo); ok {
		if w.FileName != "" && w.FileName != b.FileName {
			return nil, deviceFault(i, "device.backing.fileName")
		}
		changed := w.DiskMode != "" && w.DiskMode != b.DiskMode || w.Sharing != "" && w.Sharing != b.Sharing
		if changed && p.on {
			return nil, deviceFault(i, "device.backing.diskMode")
		}
		if w.DiskMode != "" {
			b.DiskMode = w.DiskMode
		}
		if w.Sharing != "" {
			b.Sharing = w.Sharing
		}
	}
	capacity := want.CapacityInBytes
	if capacity == 0 || capacity == old.CapacityInBytes && want.CapacityInKB != old.CapacityInKB {
		capacity = want.CapacityInKB * 1024
	}
	switch {
	case capacity == 0 || capacity == old.CapacityInBytes:
	case capacity < old.CapacityInBytes || capacity > maxDiskBytes:
		return nil, deviceFault(i, "device.capacityInKB")
	default:
		at, f := p.lab.diskFile(b.FileName)
		if f != nil {
			return nil, f
		}
		if p.lab.isOpenElsewhere(b.FileName, p.proc) {
			return nil, fileLocked(b.FileName)
		}
		p.extend = append(p.extend, newDisk{at, diskSpec{capacity: capacity}, out})
	}
	if want.Shares != nil {
		out.Shares = want.Shares
	}
	return out, nil
}

// isOpenElsewhere says whether a process other than self has a disk open.
func (l *Lab) isOpenElsewhere(path string, self *process) bool {
	for p := range l.processes {
		if _, ok := p.disks[path]; ok && p != self {
			return true
		}
	}
	return l.busy[path] || l.reading[path] > 0
}

// carryOut makes, grows and deletes the files, and changes the QEMU of m if it runs (nil: a VM that is not there yet). What was made is
// removed again on a fault.
func (p *devicePlan) carryOut(m *machine) fault {
	var made []*disk
	undo := func(f fault) fault {
		for _, k := range made {
			_ = p.lab.deleteDisk(k)
		}
		return f
	}
	for _, n := range p.create {
		k, f := p.lab.createDisk(n.at, n.spec)
		if f != nil {
			return undo(f)
		}
		made = append(made, k)
		fillBacking(n.on, n.on.Backing.(*types.VirtualDiskFlatVer2BackingInfo), k)
	}
	for _, n := range p.extend {
		k := p.lab.find(n.at)
		if k == nil {
			return undo(fileNotFound(n.at.String()))
		}
		if f := p.lab.extendDisk(k, n.spec.capacity); f != nil {
			return undo(f)
		}
		fillBacking(n.on, n.on.Backing.(*types.VirtualDiskFlatVer2BackingInfo), p.lab.find(n.at))
	}
	if m != nil {
		change, f := p.live(m)
		if f == nil && change != nil {
			f = p.lab.carryLive(m, change, p.devices)
		}
		if f != nil {
			return undo(f)
		}
	}
	for _, name := range p.destroy {
		if f, fault := p.lab.diskFile(name); fault == nil {
			if k := p.lab.find(f); k != nil {
				_ = p.lab.deleteDisk(k)
			}
		}
	}
	return nil
}
