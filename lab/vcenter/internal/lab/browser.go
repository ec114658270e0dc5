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

func (l *Lab) browserCalls(t table) {
	t.write("HostDatastoreBrowser", "SearchDatastore_Task", on(l.searchDatastore))
	t.write("HostDatastoreBrowser", "SearchDatastoreSubFolders_Task", on(l.searchSubFolders))
	t.write("HostDatastoreBrowser", "DeleteFile", on(l.browserDeleteFile))
}

// search is one SearchDatastore call.
type search struct {
	lab  *Lab
	spec types.HostDatastoreBrowserSearchSpec
}

func (l *Lab) newSearch(spec *types.HostDatastoreBrowserSearchSpec) search {
	s := search{lab: l}
	if spec != nil {
		s.spec = *spec
	}
	return s
}

func (l *Lab) searchRoot(c *call, dsPath string) (file, fault) {
	root, f := l.resolve(dsPath)
	if f != nil {
		return root, f
	}
	if ref := moref(c.method.This); ref.Value != "datastoreBrowser-"+root.ds.ds.Self.Value {
		return root, &types.InvalidDatastore{Name: root.ds.ds.Name}
	}
	if !root.isDir() {
		return root, fileNotFound(root.String())
	}
	return root, nil
}

func (l *Lab) searchDatastore(c *call, r *types.SearchDatastore_Task) (any, fault) {
	return l.start(c, r.This, func(*task) (any, fault) {
		root, f := l.searchRoot(c, r.DatastorePath)
		if f != nil {
			return nil, f
		}
		return l.newSearch(r.SearchSpec).folder(root, r.DatastorePath), nil
	})
}

func (l *Lab) searchSubFolders(c *call, r *types.SearchDatastoreSubFolders_Task) (any, fault) {
	return l.start(c, r.This, func(*task) (any, fault) {
		root, f := l.searchRoot(c, r.DatastorePath)
		if f != nil {
			return nil, f
		}
		s := l.newSearch(r.SearchSpec)
		out := types.ArrayOfHostDatastoreBrowserSearchResults{}
		_ = filepath.WalkDir(root.local, func(p string, e fs.DirEntry, err error) error {
			if err == nil && e.IsDir() {
				rel, _ := filepath.Rel(root.ds.dir, p)
				if rel == "." {
					rel = ""
				}
				at := root.ds.file(filepath.ToSlash(rel))
				shown := at.String()
				if at.rel != "" {
					shown += "/"
				}
				out.HostDatastoreBrowserSearchResults = append(out.HostDatastoreBrowserSearchResults, s.folder(at, shown))
			}
			return nil
		})
		return out, nil
	})
}

func (s search) folder(at file, shown string) types.HostDatastoreBrowserSearchResults {
	out := types.HostDatastoreBrowserSearchResults{Datastore: &at.ds.ds.Self, FolderPath: shown}
	entries, _ := os.ReadDir(at.local)
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".tmp-") || !s.matches(e.Name()) {
			continue
		}
		info, err := e.Info()
		if err != nil {
			continue
		}
		if found := s.describe(at.ds.file(path.Join(at.rel, e.Name())), info); found != nil {
			out.File = append(out.File, found)
		}
	}
	return out
}

func (s search) matches(name string) bool {
	if len(s.spec.MatchPattern) == 0 {
		return true
	}
	fold := s.spec.SearchCaseInsensitive == nil || *s.spec.SearchCaseInsensitive
	for _, pattern := range s.spec.MatchPattern {
		n := name
		if fold {
			n, pattern = strings.ToLower(name), strings.ToLower(pattern)
		}
		if ok, _ := path.Match(pattern, n); ok {
			return true
		}
	}
	return false
}

// describe gives the entry the type its query asks for; nil when no query wants it.
func (s search) describe(f file, info os.FileInfo) types.BaseFileInfo {
	base := types.FileInfo{Path: info.Name()}
	if d := s.spec.Details; d != nil {
		if d.FileSize {
			base.FileSize = info.Size()
			if k := s.lab.disks[f.String()]; k != nil {
				base.FileSize = k.charged
			}
		}
		if d.Modification {
			t := info.ModTime().UTC()
			base.Modification = &t
		}
		if d.FileOwner {
			base.Owner = "root"
		}
	}
	if len(s.spec.Query) == 0 {
		if vmdk.IsFlat(f.rel) {
			return nil // extents show only through their descriptor
		}
		return s.typed(f, info, base, nil)
	}
	for _, q := range s.spec.Query {
		if wants(q, f, info) {
			return s.typed(f, info, base, q)
		}
	}
	return nil
}

func wants(q types.BaseFileQuery, f file, info os.FileInfo) bool {
	ext := path.Ext(f.rel)
	switch q.(type) {
	case *types.FolderFileQuery:
		return info.IsDir()
	case *types.VmDiskFileQuery:
		return !info.IsDir() && ext == ".vmdk" && !vmdk.IsFlat(f.rel)
	case *types.VmConfigFileQuery:
		return ext == ".vmx"
	case *types.IsoImageFileQuery:
		return ext == ".iso"
	case *types.FloppyImageFileQuery:
		return ext == ".flp" || ext == ".img"
	case *types.VmLogFileQuery:
		return ext == ".log"
	case *types.VmNvramFileQuery:
		return ext == ".nvram"
	case *types.FileQuery:
		return true
	}
	return false
}

func (s search) typed(f file, info os.FileInfo, base types.FileInfo, q types.BaseFileQuery) types.BaseFileInfo {
	flags := s.spec.Details
	typed := q != nil || flags != nil && flags.FileType
	switch ext := path.Ext(f.rel); {
	case info.IsDir():
		return &types.FolderFileInfo{FileInfo: base}
	case !typed:
		return &base
	case ext == ".vmdk":
		return s.diskInfo(f, base, q)
	case ext == ".vmx":
		return &types.VmConfigFileInfo{FileInfo: base}
	case ext == ".iso":
		return &types.IsoImageFileInfo{FileInfo: base}
	case ext == ".log":
		return &types.VmLogFileInfo{FileInfo: base}
	case ext == ".nvram":
		return &types.VmNvramFileInfo{FileInfo: base}
	}
	return &base
}

func (s search) diskInfo(f file, base types.FileInfo, q types.BaseFileQuery) types.BaseFileInfo {
	out := &types.VmDiskFileInfo{FileInfo: base}
	k := s.lab.find(f)
	query, ok := q.(*types.VmDiskFileQuery)
	if k == nil || !ok || query.Details == nil {
		return out
	}
	d := query.Details
	if d.CapacityKb {
		out.CapacityKb = k.capacity / 1024
	}
	if d.Thin != nil && *d.Thin {
		out.Thin = types.NewBool(k.thin)
	}
	if d.DiskType {
		out.DiskType = "VirtualDiskFlatVer2BackingInfo"
	}
	if d.HardwareVersion {
		out.HardwareVersion = 19
	}
	if d.DiskExtents != nil && *d.DiskExtents {
		out.DiskExtents = []string{k.flat().String()}
	}
	return out
}

func (l *Lab) browserDeleteFile(_ *call, r *types.DeleteFile) (any, fault) {
	f, fault := l.resolve(r.DatastorePath)
	if fault != nil {
		return nil, fault
	}
	return nil, l.deleteFile(f)
}
