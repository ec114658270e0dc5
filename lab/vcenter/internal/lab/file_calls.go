package lab

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/vmware/govmomi/vim25/types"

	"stowage/lab/vcenter/internal/vmdk"
)

func (l *Lab) fileCalls(t table) {
	const m = "FileManager"
	t.write(m, "MakeDirectory", on(l.makeDirectory))
	t.write(m, "DeleteDatastoreFile_Task", on(l.deleteDatastoreFile))
	t.write(m, "MoveDatastoreFile_Task", on(l.moveDatastoreFile))
	t.write(m, "CopyDatastoreFile_Task", on(l.copyDatastoreFile))
}

func (l *Lab) makeDirectory(_ *call, r *types.MakeDirectory) (any, fault) {
	if f := l.in(r.Datacenter, r.Name); f != nil {
		return nil, f
	}
	f, fault := l.resolve(r.Name)
	if fault != nil {
		return nil, fault
	}
	if f.exists() {
		return nil, fileExists(f.String())
	}
	if r.CreateParentDirectories != nil && *r.CreateParentDirectories {
		if err := os.MkdirAll(f.local, 0o755); err != nil {
			return nil, &types.CannotCreateFile{FileFault: fileFault(f.String())}
		}
		return nil, nil
	}
	if !f.hasParent() {
		return nil, fileNotFound(f.ds.path(path.Dir(f.rel)))
	}
	if err := os.Mkdir(f.local, 0o755); err != nil {
		return nil, &types.CannotCreateFile{FileFault: fileFault(f.String())}
	}
	return nil, nil
}

// lockedBeneath finds a file at or below f that is open or being worked on.
func (l *Lab) lockedBeneath(f file) fault {
	prefix := f.String() + "/"
	owner, isPart := l.isDiskPart(f)
	at := func(p string) bool {
		return p == f.String() || strings.HasPrefix(p, prefix) || (isPart && p == owner.String()) || f.rel == "" && strings.HasPrefix(p, "["+f.ds.ds.Name+"]")
	}
	for p := range l.busy {
		if at(p) {
			return fileLocked(p)
		}
	}
	for p := range l.openFiles() {
		if at(p) {
			return fileLocked(p)
		}
	}
	return nil
}

// reindex looks again at everything at or below f.
func (l *Lab) reindex(f file) {
	prefix := f.String() + "/"
	for key, k := range l.disks {
		if key == f.String() || strings.HasPrefix(key, prefix) {
			l.index(k.at)
		}
	}
	_ = filepath.WalkDir(f.local, func(p string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() && strings.HasSuffix(p, ".vmdk") {
			rel, _ := filepath.Rel(f.ds.dir, p)
			owner, _ := l.isDiskPart(f.ds.file(filepath.ToSlash(rel)))
			l.index(owner)
		}
		return nil
	})
	if owner, ok := l.isDiskPart(f); ok {
		l.index(owner)
	}
	f.ds.account()
}

func (l *Lab) deleteDatastoreFile(c *call, r *types.DeleteDatastoreFile_Task) (any, fault) {
	if f := l.in(r.Datacenter, r.Name); f != nil {
		return nil, f
	}
	return l.start(c, r.This, func(*task) (any, fault) {
		f, fault := l.resolve(r.Name)
		if fault != nil {
			return nil, fault
		}
		return nil, l.deleteFile(f)
	})
}

// deleteFile removes a file, a disk with its extent, or a whole directory.
func (l *Lab) deleteFile(f file) fault {
	switch {
	case f.rel == "":
		return &types.CannotDeleteFile{FileFault: fileFault(f.String())}
	case !f.exists():
		return fileNotFound(f.String())
	}
	if locked := l.lockedBeneath(f); locked != nil {
		return locked
	}
	if err := os.RemoveAll(f.local); err != nil {
		return &types.CannotDeleteFile{FileFault: fileFault(f.String())}
	}
	// Deleting a descriptor takes its extent along, as hostd does.
	if strings.HasSuffix(f.rel, ".vmdk") && !vmdk.IsFlat(f.rel) {
		_ = os.Remove(f.ds.file(vmdk.FlatName(f.rel)).local)
	}
	l.reindex(f)
	return nil
}

// transfer checks the two ends of a copy or move.
func (l *Lab) transfer(source, dest string, force *bool) (from, to file, fault fault) {
	if from, fault = l.resolve(source); fault != nil {
		return
	}
	if to, fault = l.resolve(dest); fault != nil {
		return
	}
	switch {
	case !from.exists():
		fault = fileNotFound(from.String())
	case !to.hasParent():
		fault = fileNotFound(to.ds.path(path.Dir(to.rel)))
	case from.rel == "" || to.rel == "" || from == to:
		fault = invalid("destinationName")
	case from.ds == to.ds && strings.HasPrefix(to.rel+"/", from.rel+"/"):
		fault = invalid("destinationName")
	case to.exists():
		if force == nil || !*force {
			fault = fileExists(to.String())
			return
		}
		fault = l.deleteFile(to)
	}
	return
}

func (l *Lab) moveDatastoreFile(c *call, r *types.MoveDatastoreFile_Task) (any, fault) {
	if f := l.in(r.SourceDatacenter, r.SourceName); f != nil {
		return nil, f
	}
	return l.start(c, r.This, func(*task) (any, fault) {
		from, to, f := l.transfer(r.SourceName, r.DestinationName, r.Force)
		if f != nil {
			return nil, f
		}
		if locked := l.lockedBeneath(from); locked != nil {
			return nil, locked
		}
		if k := l.find(from); k != nil {
			if to, f = l.diskFile(r.DestinationName); f != nil {
				return nil, f
			}
			return nil, l.moveDisk(k, to)
		}
		if err := os.Rename(from.local, to.local); err != nil {
			return nil, &types.CannotAccessFile{FileFault: fileFault(from.String())}
		}
		l.reindex(from)
		l.reindex(to)
		return nil, nil
	})
}

func (l *Lab) copyDatastoreFile(c *call, r *types.CopyDatastoreFile_Task) (any, fault) {
	if f := l.in(r.SourceDatacenter, r.SourceName); f != nil {
		return nil, f
	}
	return l.start(c, r.This, func(*task) (any, fault) {
		from, to, f := l.transfer(r.SourceName, r.DestinationName, r.Force)
		if f != nil {
			return nil, f
		}
		if locked := l.lockedBeneath(from); locked != nil {
			return nil, locked
		}
		if k := l.find(from); k != nil {
			if to, f = l.diskFile(r.DestinationName); f != nil {
				return nil, f
			}
			return nil, l.copyDisk(k, to, k.thin)
		}
		free := l.occupy(from, to)
		defer free()
		var err error
		l.outside(func() { err = copyTree(from.local, to.local) })
		l.reindex(to)
		if err != nil {
			return nil, &types.CannotCreateFile{FileFault: fileFault(to.String())}
		}
		return nil, nil
	})
}

// copyTree copies a file or directory, holes kept.
func copyTree(from, to string) error {
	return filepath.WalkDir(from, func(p string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(from, p)
		target := filepath.Join(to, rel)
		if e.IsDir() {
			return os.MkdirAll(target, 0o755)
		}
		return vmdk.CopySparse(target, p)
	})
}
