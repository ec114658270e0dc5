package lab

import (
	"os"
	"path"
	"strings"

	"github.com/vmware/govmomi/vim25/types"

	"stowage/lab/vcenter/internal/vmdk"
)

const maxDiskBytes = int64(62) << 40

// disk is a VMDK on a datastore: its descriptor and what it costs.
type disk struct {
	at       file
	capacity int64
	uuid     string // ddb spelling
	thin     bool
	charged  int64
}

func (k *disk) flat() file { return k.at.ds.file(vmdk.FlatName(k.at.rel)) }

// index (re)reads the descriptor at f into the list of disks and charges the
// datastore for it; a file that is gone or no descriptor leaves the list.
func (l *Lab) index(f file) *disk {
	key := f.String()
	if old := l.disks[key]; old != nil {
		f.ds.used -= old.charged
		delete(l.disks, key)
	}
	d, err := vmdk.Read(f.local)
	if err != nil {
		return nil
	}
	k := &disk{at: f, capacity: d.CapacityBytes(), uuid: d.UUID(), thin: d.IsThin()}
	k.charged = k.capacity
	if k.thin {
		k.charged = k.allocated()
	}
	f.ds.used += k.charged
	l.disks[key] = k
	return k
}

func (k *disk) allocated() int64 {
	info, err := os.Stat(k.flat().local)
	if err != nil {
		return 0
	}
	return vmdk.AllocatedBytes(info)
}

// find returns the disk at f, reading its descriptor again when it is not
// listed (it may have been uploaded).
func (l *Lab) find(f file) *disk {
	if k := l.disks[f.String()]; k != nil && f.exists() {
		return k
	}
	return l.index(f)
}

// diskFile resolves a path that must name a disk.
func (l *Lab) diskFile(dsPath string) (file, fault) {
	f, fault := l.resolve(dsPath)
	if fault != nil {
		return f, fault
	}
	if !strings.HasSuffix(f.rel, ".vmdk") || path.Base(f.rel) == ".vmdk" || vmdk.IsFlat(f.rel) {
		return f, &types.InvalidDatastorePath{InvalidDatastore: types.InvalidDatastore{Name: f.ds.ds.Name}, DatastorePath: dsPath}
	}
	return f, nil
}

// existing resolves a path of a disk that must exist.
func (l *Lab) existing(dsPath string) (*disk, fault) {
	f, fault := l.diskFile(dsPath)
	if fault != nil {
		return nil, fault
	}
	k := l.find(f)
	if k == nil {
		return nil, fileNotFound(f.String())
	}
	return k, nil
}

// diskSpec is what a new disk shall be.
type diskSpec struct {
	capacity int64
	thin     bool
	adapter  string
}

func adapterName(t string) (string, bool) {
	switch t {
	case "", "lsiLogic":
		return "lsilogic", true
	case "busLogic":
		return "buslogic", true
	case "ide":
		return "ide", true
	case "pvscsi":
		return "pvscsi", true
	}
	return "", false
}

func (l *Lab) newDiskSpec(spec types.BaseVirtualDiskSpec) (diskSpec, fault) {
	var out diskSpec
	if spec == nil {
		return out, invalid("spec")
	}
	base := spec.GetVirtualDiskSpec()
	adapter, ok := adapterName(base.AdapterType)
	if !ok {
		return out, invalid("spec.adapterType")
	}
	switch types.VirtualDiskType(base.DiskType) {
	case types.VirtualDiskTypeThin:
		out.thin = true
	case types.VirtualDiskTypeThick, types.VirtualDiskTypePreallocated, types.VirtualDiskTypeEagerZeroedThick:
	default:
		return out, invalid("spec.diskType")
	}
	sized, ok := spec.(types.BaseFileBackedVirtualDiskSpec)
	if !ok {
		return out, invalid("spec")
	}
	kb := sized.GetFileBackedVirtualDiskSpec().CapacityKb
	if kb <= 0 || kb > maxDiskBytes/1024 {
		return out, invalid("spec.capacityKb")
	}
	out.capacity, out.adapter = kb*1024, adapter
	return out, nil
}

// createDisk makes descriptor and extent at f.
func (l *Lab) createDisk(f file, spec diskSpec) (*disk, fault) {
	flat := f.ds.file(vmdk.FlatName(f.rel))
	switch {
	case !f.hasParent():
		return nil, fileNotFound(f.ds.path(path.Dir(f.rel)))
	case l.busy[f.String()]:
		return nil, fileLocked(f.String())
	case f.exists() || flat.exists():
		return nil, fileExists(f.String())
	case !spec.thin && spec.capacity > f.ds.free() || f.ds.free() <= 0:
		return nil, &types.NoDiskSpace{FileFault: fileFault(f.String()), Datastore: f.ds.ds.Name}
	}
	if err := vmdk.CreateFlat(flat.local, spec.capacity); err != nil {
		return nil, &types.CannotCreateFile{FileFault: fileFault(f.String())}
	}
	d := vmdk.New(spec.capacity, path.Base(flat.rel), spec.adapter, spec.thin)
	if err := d.Write(f.local); err != nil {
		_ = os.Remove(flat.local)
		return nil, &types.CannotCreateFile{FileFault: fileFault(f.String())}
	}
	k := l.index(f)
	f.ds.account()
	return k, nil
}

// deleteDisk removes both files; the descriptor first, since without it the
// extent is just a file that the next create of the same name is told about.
func (l *Lab) deleteDisk(k *disk) fault {
	if err := os.Remove(k.at.local); err != nil && !os.IsNotExist(err) {
		return &types.CannotDeleteFile{FileFault: fileFault(k.at.String())}
	}
	_ = os.Remove(k.flat().local)
	l.index(k.at)
	k.at.ds.account()
	return nil
}

// moveDisk renames a disk, also to another datastore, and keeps its uuid. The
// lock is given up while bytes are copied; both names are marked busy.
func (l *Lab) moveDisk(k *disk, to file) fault {
	from, flat := k.at, k.flat()
	done := l.occupy(from, to)
	defer done()
	d, err := vmdk.Read(from.local)
	if err != nil {
		return fileNotFound(from.String())
	}
	d.Extent = path.Base(vmdk.FlatName(to.rel))
	newFlat := to.ds.file(vmdk.FlatName(to.rel))
	if err = os.Rename(flat.local, newFlat.local); err != nil && !os.IsNotExist(err) {
		return &types.CannotAccessFile{FileFault: fileFault(from.String())}
	}
	if err = d.Write(to.local); err != nil {
		return &types.CannotCreateFile{FileFault: fileFault(to.String())}
	}
	_ = os.Remove(from.local)
	l.index(from)
	l.index(to)
	from.ds.account()
	to.ds.account()
	return nil
}

// copyDisk clones a disk under a new uuid.
func (l *Lab) copyDisk(k *disk, to file, thin bool) fault {
	source := k.at.String()
	l.reading[source]++
	defer func() {
		if l.reading[source]--; l.reading[source] == 0 {
			delete(l.reading, source)
		}
	}()
	done := l.occupy(to)
	defer done()
	d, err := vmdk.Read(k.at.local)
	if err != nil {
		return fileNotFound(source)
	}
	newFlat := to.ds.file(vmdk.FlatName(to.rel))
	from := k.flat()
	var failed error
	l.outside(func() { failed = vmdk.CopySparse(newFlat.local, from.local) })
	if failed != nil {
		return &types.CannotCreateFile{FileFault: fileFault(to.String())}
	}
	d.Extent = path.Base(newFlat.rel)
	delete(d.DDB, "thinProvisioned")
	if thin {
		d.DDB["thinProvisioned"] = "1"
	}
	d.SetUUID(vmdk.NewUUID())
	if err = d.Write(to.local); err != nil {
		_ = os.Remove(newFlat.local)
		return &types.CannotCreateFile{FileFault: fileFault(to.String())}
	}
	l.index(to)
	to.ds.account()
	return nil
}

func (l *Lab) extendDisk(k *disk, capacity int64) fault {
	d, err := vmdk.Read(k.at.local)
	if err != nil {
		return fileNotFound(k.at.String())
	}
	if !k.thin && capacity-k.capacity > k.at.ds.free() {
		return &types.NoDiskSpace{FileFault: fileFault(k.at.String()), Datastore: k.at.ds.ds.Name}
	}
	if err = os.Truncate(k.flat().local, capacity); err != nil {
		return &types.CannotAccessFile{FileFault: fileFault(k.at.String())}
	}
	d.SetCapacityBytes(capacity)
	if err = d.Write(k.at.local); err != nil {
		return &types.CannotAccessFile{FileFault: fileFault(k.at.String())}
	}
	l.index(k.at)
	k.at.ds.account()
	return nil
}

// occupy marks files as being worked on; the returned func frees them.
func (l *Lab) occupy(files ...file) func() {
	for _, f := range files {
		l.busy[f.String()] = true
	}
	return func() {
		for _, f := range files {
			delete(l.busy, f.String())
		}
	}
}
