package lab

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/vmware/govmomi/object"
	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/types"

	"stowage/lab/vcenter/internal/vmdk"
)

// datastore is a directory that every host mounts.
type datastore struct {
	lab   *Lab
	ds    *simulator.Datastore
	dir   string
	used  int64 // bytes of disks: allocated when thin, all when thick
	other int64 // bytes of everything else, as of the last refresh
}

func (l *Lab) addDatastore(name, kind string, parent moref, number int, capacity int64) error {
	d := &datastore{lab: l, dir: filepath.Join(l.opt.Dir, "datastores", name)}
	if err := os.MkdirAll(d.dir, 0o755); err != nil {
		return err
	}
	ds := &simulator.Datastore{}
	ds.Self = moref{Type: "Datastore", Value: fmt.Sprintf("datastore-%d", number)}
	ds.Name = name
	uuid := fmt.Sprintf("5f0c0de0-%08x-0000-0050569%05x", number, number)
	url := "ds:///vmfs/volumes/" + uuid + "/"
	ds.Summary = types.DatastoreSummary{
		Datastore: &ds.Self, Name: name, Url: url, Capacity: capacity, FreeSpace: capacity,
		Accessible: true, MultipleHostAccess: types.NewBool(len(l.hosts) > 1), Type: kind, MaintenanceMode: "normal",
	}
	info := types.DatastoreInfo{
		Name: name, Url: url, FreeSpace: capacity, MaxFileSize: maxDiskBytes, MaxVirtualDiskCapacity: maxDiskBytes,
		MaxMemoryFileSize: maxDiskBytes, Timestamp: types.NewTime(time.Now()),
	}
	volume := types.HostFileSystemVolume{Type: kind, Name: name, Capacity: capacity}
	if kind == "NFS" {
		host, path := l.nfsAddress(name)
		ds.Info = &types.NasDatastoreInfo{DatastoreInfo: info, Nas: &types.HostNasVolume{
			HostFileSystemVolume: volume, RemoteHost: host, RemotePath: path,
		}}
	} else {
		ds.Info = &types.VmfsDatastoreInfo{DatastoreInfo: info, MaxPhysicalRDMFileSize: maxDiskBytes, MaxVirtualRDMFileSize: maxDiskBytes,
			Vmfs: &types.HostVmfsVolume{
				HostFileSystemVolume: volume, BlockSizeMb: 1, MajorVersion: 6, Version: "6.82", Uuid: uuid,
				Extent: []types.HostScsiDiskPartition{{DiskName: "naa." + uuid[:8], Partition: 1}},
			}}
	}
	ds.Capability = types.DatastoreCapability{
		DirectoryHierarchySupported: true, PerFileThinProvisioningSupported: true, RawDiskMappingsSupported: kind == "VMFS",
	}
	d.ds = ds
	d.attachTo(parent)
	l.datastores = append(l.datastores, d)
	return nil
}

// attachTo puts the datastore into a folder or pod and mounts it on every host.
func (d *datastore) attachTo(parent moref) {
	l, ds := d.lab, d.ds
	for _, h := range l.hosts {
		ds.Host = append(ds.Host, types.DatastoreHostMount{Key: h.hs.Self, MountInfo: types.HostMountInfo{
			Path: strings.TrimPrefix(ds.Summary.Url, "ds://"), AccessMode: "readWrite",
			Mounted: types.NewBool(true), Accessible: types.NewBool(true),
		}})
		h.hs.Datastore = append(h.hs.Datastore, ds.Self)
	}
	browser := &mo.HostDatastoreBrowser{Self: moref{Type: "HostDatastoreBrowser", Value: "datastoreBrowser-" + ds.Self.Value}}
	browser.Datastore = []moref{ds.Self}
	l.reg.Put(browser)
	ds.Browser = browser.Self
	ds.Parent = &parent
	l.reg.Put(ds)
	cluster := l.reg.Get(l.cluster).(*simulator.ClusterComputeResource)
	cluster.Datastore = append(cluster.Datastore, ds.Self)
	dc := l.reg.Get(l.dc).(*simulator.Datacenter)
	dc.Datastore = append(dc.Datastore, ds.Self)
	l.addChild(parent, ds.Self)
}

func (l *Lab) addChild(parent, child moref) {
	switch p := l.reg.Get(parent).(type) {
	case *simulator.Folder:
		p.ChildEntity = append(p.ChildEntity[:len(p.ChildEntity):len(p.ChildEntity)], child)
	case *simulator.StoragePod:
		p.ChildEntity = append(p.ChildEntity[:len(p.ChildEntity):len(p.ChildEntity)], child)
	}
	l.touch(parent, "childEntity")
}

func (l *Lab) removeChild(parent, child moref) {
	if p, ok := l.reg.Get(parent).(*simulator.Folder); ok {
		p.ChildEntity = without(p.ChildEntity, child)
		l.touch(parent, "childEntity")
	}
}

func without(list []moref, ref moref) []moref {
	out := make([]moref, 0, len(list))
	for _, r := range list {
		if r != ref {
			out = append(out, r)
		}
	}
	return out
}

func (l *Lab) datastoreNamed(name string) *datastore {
	for _, d := range l.datastores {
		if d.ds.Name == name {
			return d
		}
	}
	return nil
}

func (l *Lab) datastoreOf(ref moref) *datastore {
	for _, d := range l.datastores {
		if d.ds.Self == ref {
			return d
		}
	}
	return nil
}

// file is a resolved datastore path.
type file struct {
	ds    *datastore
	rel   string // slash separated, no leading or trailing slash
	local string
}

func (f file) String() string { return f.ds.path(f.rel) }

func (d *datastore) path(rel string) string {
	return (&object.DatastorePath{Datastore: d.ds.Name, Path: rel}).String()
}

func (d *datastore) file(rel string) file {
	return file{d, rel, filepath.Join(d.dir, filepath.FromSlash(rel))}
}

// resolve parses "[datastore] dir/file". A path that climbs out is invalid.
func (l *Lab) resolve(dsPath string) (file, fault) {
	var p object.DatastorePath
	if !p.FromString(dsPath) {
		return file{}, &types.InvalidDatastorePath{DatastorePath: dsPath}
	}
	d := l.datastoreNamed(p.Datastore)
	if d == nil {
		return file{}, &types.InvalidDatastorePath{InvalidDatastore: types.InvalidDatastore{Name: p.Datastore}, DatastorePath: dsPath}
	}
	for _, part := range strings.Split(p.Path, "/") {
		if part == ".." || strings.ContainsRune(part, 0) || len(part) > 255 {
			return file{}, &types.InvalidDatastorePath{InvalidDatastore: types.InvalidDatastore{Name: p.Datastore}, DatastorePath: dsPath}
		}
	}
	rel := strings.Trim(path.Clean("/"+p.Path), "/")
	return d.file(rel), nil
}

// in checks the datacenter that vCenter wants beside a datastore path; without
// one it would take the path for a URL.
func (l *Lab) in(dc *moref, dsPath string) fault {
	switch {
	case dc == nil:
		return &types.InvalidDatastorePath{DatastorePath: dsPath}
	case *dc != l.dc:
		return &types.ManagedObjectNotFound{Obj: *dc}
	}
	return nil
}

func (f file) exists() bool {
	_, err := os.Lstat(f.local)
	return err == nil
}

func (f file) isDir() bool {
	info, err := os.Stat(f.local)
	return err == nil && info.IsDir()
}

func (f file) hasParent() bool {
	info, err := os.Stat(filepath.Dir(f.local))
	return err == nil && info.IsDir()
}

func (d *datastore) free() int64 { return d.ds.Summary.Capacity - d.used - d.other }

// account publishes the free space where it has changed.
func (d *datastore) account() {
	free := max(d.free(), 0)
	if d.ds.Summary.FreeSpace == free {
		return
	}
	d.ds.Summary.FreeSpace = free
	info := d.ds.Info.GetDatastoreInfo()
	info.FreeSpace = free
	info.Timestamp = types.NewTime(time.Now())
	d.lab.touch(d.ds.Self, "summary.freeSpace", "info.freeSpace", "info.timestamp")
	d.lab.accountPods()
}

func (l *Lab) accountPods() {
	for _, o := range l.reg.All("StoragePod") {
		p := o.(*simulator.StoragePod)
		var capacity, free int64
		for _, ref := range p.ChildEntity {
			if d := l.datastoreOf(ref); d != nil {
				capacity += d.ds.Summary.Capacity
				free += d.ds.Summary.FreeSpace
			}
		}
		if p.Summary.Capacity == capacity && p.Summary.FreeSpace == free {
			continue
		}
		p.Summary.Capacity, p.Summary.FreeSpace = capacity, free
		l.touch(p.Self, "summary")
	}
}

// scanDatastores rebuilds the index of disks from the files.
func (l *Lab) scanDatastores() {
	for _, d := range l.datastores {
		d.scan()
	}
}

func (d *datastore) scan() {
	for key, disk := range d.lab.disks {
		if disk.at.ds == d {
			delete(d.lab.disks, key)
		}
	}
	d.used, d.other = 0, 0
	_ = filepath.WalkDir(d.dir, func(p string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return nil
		}
		rel, _ := filepath.Rel(d.dir, p)
		rel = filepath.ToSlash(rel)
		if strings.HasSuffix(rel, ".vmdk") {
			if !vmdk.IsFlat(rel) {
				d.lab.index(d.file(rel))
			}
			return nil
		}
		if info, err := e.Info(); err == nil {
			d.other += info.Size()
		}
		return nil
	})
	d.account()
}

func (l *Lab) datastoreCalls(t table) {
	t.write("Datastore", "RefreshDatastore", on(l.refreshDatastore))
	t.write("Datastore", "RefreshDatastoreStorageInfo", on(l.refreshDatastoreStorageInfo))
	t.deny("Datastore", "DatastoreEnterMaintenanceMode", func(*call) fault { return &types.NotSupported{} })
	t.deny("Datastore", "Destroy_Task", func(*call) fault { return &types.NotSupported{} })
	t.deny("Datastore", "DestroyDatastore", func(*call) fault { return &types.NotSupported{} })
}

func (l *Lab) refreshDatastore(c *call, r *types.RefreshDatastore) (any, fault) {
	if d := l.datastoreOf(r.This); d != nil {
		d.scan()
	}
	return nil, nil
}

func (l *Lab) refreshDatastoreStorageInfo(c *call, r *types.RefreshDatastoreStorageInfo) (any, fault) {
	if d := l.datastoreOf(r.This); d != nil {
		d.scan()
	}
	return nil, nil
}
