package lab

import (
	"os"
	"path"
	"strings"

	"github.com/vmware/govmomi/vim25/types"

	"stowage/lab/vcenter/internal/vmdk"
)

func (l *Lab) diskCalls(t table) {
	const m = "VirtualDiskManager"
	t.write(m, "CreateVirtualDisk_Task", on(l.createVirtualDisk))
	t.write(m, "DeleteVirtualDisk_Task", on(l.deleteVirtualDisk))
	t.write(m, "MoveVirtualDisk_Task", on(l.moveVirtualDisk))
	t.write(m, "CopyVirtualDisk_Task", on(l.copyVirtualDisk))
	t.write(m, "ExtendVirtualDisk_Task", on(l.extendVirtualDisk))
	t.read(m, "QueryVirtualDiskUuid", on(l.queryVirtualDiskUUID))
	t.write(m, "SetVirtualDiskUuid", on(l.setVirtualDiskUUID))
	for _, name := range []string{"InflateVirtualDisk_Task", "EagerZeroVirtualDisk_Task", "ZeroFillVirtualDisk_Task", "ShrinkVirtualDisk_Task", "DefragmentVirtualDisk_Task"} {
		t.deny(m, name, func(*call) fault { return &types.NotSupported{} })
	}
	t.read(m, "QueryVirtualDiskFragmentation", func(*call) (any, fault) { return int32(0), nil })
}

// openForChange finds a disk that nobody may have open.
func (l *Lab) openForChange(dsPath string) (*disk, fault) {
	k, f := l.existing(dsPath)
	if f != nil {
		return nil, f
	}
	if at := k.at.String(); l.busy[at] || l.reading[at] > 0 || l.isOpen(at) {
		return nil, fileLocked(k.at.String())
	}
	return k, nil
}

// destination resolves where a disk shall be copied or moved to.
func (l *Lab) destination(dsPath string, force *bool) (file, fault) {
	to, f := l.diskFile(dsPath)
	if f != nil {
		return to, f
	}
	switch {
	case !to.hasParent():
		return to, fileNotFound(to.ds.path(path.Dir(to.rel)))
	case l.busy[to.String()]:
		return to, fileLocked(to.String())
	case !to.exists():
		return to, nil
	case force == nil || !*force:
		return to, fileExists(to.String())
	case l.isOpen(to.String()):
		return to, fileLocked(to.String())
	}
	if old := l.find(to); old != nil {
		return to, l.deleteDisk(old)
	}
	return to, nil
}

func (l *Lab) createVirtualDisk(c *call, r *types.CreateVirtualDisk_Task) (any, fault) {
	if f := l.in(r.Datacenter, r.Name); f != nil {
		return nil, f
	}
	return l.start(c, r.This, func(*task) (any, fault) {
		f, fault := l.diskFile(r.Name)
		if fault != nil {
			return nil, fault
		}
		spec, fault := l.newDiskSpec(r.Spec)
		if fault != nil {
			return nil, fault
		}
		if _, fault = l.createDisk(f, spec); fault != nil {
			return nil, fault
		}
		return r.Name, nil
	})
}

func (l *Lab) deleteVirtualDisk(c *call, r *types.DeleteVirtualDisk_Task) (any, fault) {
	if f := l.in(r.Datacenter, r.Name); f != nil {
		return nil, f
	}
	return l.start(c, r.This, func(*task) (any, fault) {
		k, f := l.openForChange(r.Name)
		if f != nil {
			return nil, f
		}
		return nil, l.deleteDisk(k)
	})
}

func (l *Lab) moveVirtualDisk(c *call, r *types.MoveVirtualDisk_Task) (any, fault) {
	if f := l.in(r.SourceDatacenter, r.SourceName); f != nil {
		return nil, f
	}
	return l.start(c, r.This, func(*task) (any, fault) {
		k, f := l.openForChange(r.SourceName)
		if f != nil {
			return nil, f
		}
		to, f := l.destination(r.DestName, r.Force)
		if f != nil {
			return nil, f
		}
		return r.DestName, l.moveDisk(k, to)
	})
}

func (l *Lab) copyVirtualDisk(c *call, r *types.CopyVirtualDisk_Task) (any, fault) {
	if f := l.in(r.SourceDatacenter, r.SourceName); f != nil {
		return nil, f
	}
	return l.start(c, r.This, func(*task) (any, fault) {
		k, f := l.existing(r.SourceName)
		if f != nil {
			return nil, f
		}
		// A writer keeps copies away; readers do not.
		if l.busy[k.at.String()] || l.hasWriter(k.at.String()) {
			return nil, fileLocked(k.at.String())
		}
		thin := k.thin
		if r.DestSpec != nil {
			switch base := r.DestSpec.GetVirtualDiskSpec(); types.VirtualDiskType(base.DiskType) {
			case types.VirtualDiskTypeThin:
				thin = true
			case types.VirtualDiskTypeThick, types.VirtualDiskTypePreallocated, types.VirtualDiskTypeEagerZeroedThick:
				thin = false
			default:
				return nil, invalid("destSpec.diskType")
			}
		}
		to, f := l.destination(r.DestName, r.Force)
		if f != nil {
			return nil, f
		}
		if !thin && k.capacity > to.ds.free() {
			return nil, &types.NoDiskSpace{FileFault: fileFault(to.String()), Datastore: to.ds.ds.Name}
		}
		return r.DestName, l.copyDisk(k, to, thin)
	})
}

func (l *Lab) extendVirtualDisk(c *call, r *types.ExtendVirtualDisk_Task) (any, fault) {
	if f := l.in(r.Datacenter, r.Name); f != nil {
		return nil, f
	}
	return l.start(c, r.This, func(*task) (any, fault) {
		k, f := l.openForChange(r.Name)
		if f != nil {
			return nil, f
		}
		if r.NewCapacityKb <= 0 || r.NewCapacityKb > maxDiskBytes/1024 || r.NewCapacityKb*1024 < k.capacity {
			return nil, invalid("newCapacityKb")
		}
		if f = l.extendDisk(k, r.NewCapacityKb*1024); f == nil {
			l.refreshBackings(k.at.String())
		}
		return nil, f
	})
}

func (l *Lab) queryVirtualDiskUUID(_ *call, r *types.QueryVirtualDiskUuid) (any, fault) {
	if f := l.in(r.Datacenter, r.Name); f != nil {
		return nil, f
	}
	f, fault := l.diskFile(r.Name)
	if fault != nil {
		return nil, fault
	}
	d, err := vmdk.Read(f.local)
	if err != nil {
		return nil, fileNotFound(f.String())
	}
	return d.UUID(), nil
}

func (l *Lab) setVirtualDiskUUID(_ *call, r *types.SetVirtualDiskUuid) (any, fault) {
	if f := l.in(r.Datacenter, r.Name); f != nil {
		return nil, f
	}
	k, f := l.openForChange(r.Name)
	if f != nil {
		return nil, f
	}
	d, err := vmdk.Read(k.at.local)
	if err != nil {
		return nil, fileNotFound(k.at.String())
	}
	if !d.SetUUID(r.Uuid) {
		return nil, invalid("uuid")
	}
	if err = d.Write(k.at.local); err != nil {
		return nil, &types.CannotAccessFile{FileFault: fileFault(k.at.String())}
	}
	l.index(k.at)
	l.refreshBackings(k.at.String())
	return nil, nil
}

// isDiskPart says whether name is a descriptor or extent, and of which disk.
func (l *Lab) isDiskPart(f file) (file, bool) {
	if !strings.HasSuffix(f.rel, ".vmdk") {
		return f, false
	}
	if vmdk.IsFlat(f.rel) {
		owner := f.ds.file(strings.TrimSuffix(f.rel, "-flat.vmdk") + ".vmdk")
		if _, err := os.Stat(owner.local); err == nil {
			return owner, true
		}
	}
	return f, true
}
