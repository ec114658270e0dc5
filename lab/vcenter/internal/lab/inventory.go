package lab

import (
	"fmt"
	"os"
	"path"
	"strings"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/types"
)

// savedFolder and savedPool are inventory that clients made.
type savedFolder struct {
	Ref    string `json:"ref"`
	Name   string `json:"name"`
	Parent string `json:"parent"`
}

type savedPool struct {
	Ref    string `json:"ref"`
	Name   string `json:"name"`
	Parent string `json:"parent"`
}

func (l *Lab) inventoryCalls(t table) {
	t.write("Folder", "CreateFolder", on(l.createFolder))
	t.write("Folder", "Destroy_Task", on(l.destroyFolder))
	t.write("Folder", "Rename_Task", on(l.renameFolder))
	t.write("Folder", "MoveIntoFolder_Task", on(l.moveIntoFolder))
	for _, name := range []string{"CreateDatacenter", "CreateClusterEx", "CreateCluster", "AddStandaloneHost_Task", "CreateStoragePod", "CreateDVS_Task", "UnregisterAndDestroy_Task"} {
		t.deny("Folder", name, func(*call) fault { return &types.NotSupported{} })
	}
	t.write("ResourcePool", "CreateResourcePool", on(l.createPool))
	t.write("ResourcePool", "Destroy_Task", on(l.destroyPool))
	t.write("ResourcePool", "MoveIntoResourcePool", on(l.moveIntoPool))
	t.write("ResourcePool", "UpdateConfig", on(l.updatePool))
	t.deny("Datacenter", "Destroy_Task", func(*call) fault { return &types.NotSupported{} })
	t.deny("StoragePod", "Destroy_Task", func(*call) fault { return &types.NotSupported{} })
}

func (l *Lab) createFolder(_ *call, r *types.CreateFolder) (any, fault) {
	name := strings.NewReplacer("%", "%25", "/", "%2f", "\\", "%5c").Replace(r.Name)
	if name == "" {
		return nil, &types.InvalidName{Name: r.Name}
	}
	if f := l.checkName(r.This, name); f != nil {
		return nil, f
	}
	ref := moref{Type: "Folder", Value: fmt.Sprintf("group-v%d", l.serial.take())}
	l.putFolder(ref, name, r.This)
	return ref, nil
}

func (l *Lab) putFolder(ref moref, name string, parent moref) {
	f := &simulator.Folder{}
	f.Self, f.Name, f.Parent = ref, name, &parent
	if p, ok := l.reg.Get(parent).(*simulator.Folder); ok {
		f.ChildType = p.ChildType
	}
	l.reg.Put(f)
	l.addChild(parent, ref)
	l.saver.wake()
}

func (l *Lab) destroyFolder(c *call, r *types.Destroy_Task) (any, fault) {
	folder, ok := l.reg.Get(r.This).(*simulator.Folder)
	if !ok || !strings.HasPrefix(r.This.Value, "group-v1") && !l.isMade(r.This) {
		return nil, &types.NotSupported{}
	}
	return l.start(c, r.This, func(*task) (any, fault) { return nil, l.destroyTree(folder) })
}

// isMade tells folders of clients from those of the data centre.
func (l *Lab) isMade(ref moref) bool {
	var n int64
	_, err := fmt.Sscanf(ref.Value, "group-v%d", &n)
	return err == nil && n > 1000
}

func (l *Lab) destroyTree(folder *simulator.Folder) fault {
	for _, ref := range append([]moref{}, folder.ChildEntity...) {
		var f fault
		if m := l.machines[ref]; m != nil {
			if f = m.unreachable(); f == nil {
				f = l.destroy(m)
			}
		} else if child, ok := l.reg.Get(ref).(*simulator.Folder); ok {
			f = l.destroyTree(child)
		}
		if f != nil {
			return f
		}
	}
	l.removeChild(*folder.Parent, folder.Self)
	l.reg.Remove(l.stockContext(nil), folder.Self)
	return nil
}

func (l *Lab) renameFolder(c *call, r *types.Rename_Task) (any, fault) {
	folder, ok := l.reg.Get(r.This).(*simulator.Folder)
	if !ok || !l.isMade(r.This) {
		return nil, &types.NotSupported{}
	}
	return l.start(c, r.This, func(*task) (any, fault) {
		if f := l.checkName(*folder.Parent, r.NewName); f != nil {
			return nil, f
		}
		folder.Name = r.NewName
		l.touch(folder.Self, "name")
		return nil, nil
	})
}

func (l *Lab) moveIntoFolder(c *call, r *types.MoveIntoFolder_Task) (any, fault) {
	return l.start(c, r.This, func(*task) (any, fault) {
		for _, ref := range r.List {
			if l.machines[ref] == nil && !l.isMade(ref) {
				return nil, &types.NotSupported{}
			}
			if f := l.checkName(r.This, l.nameOf(ref)); f != nil {
				return nil, f
			}
			e := l.reg.Get(ref).(mo.Entity).Entity()
			l.removeChild(*e.Parent, ref)
			parent := r.This
			e.Parent = &parent
			l.addChild(parent, ref)
			l.touch(ref, "parent")
		}
		return nil, nil
	})
}

func (l *Lab) poolOf(ref moref) *simulator.ResourcePool {
	p, _ := l.reg.Get(ref).(*simulator.ResourcePool)
	return p
}

func (l *Lab) createPool(_ *call, r *types.CreateResourcePool) (any, fault) {
	parent := l.poolOf(r.This)
	if parent == nil {
		return nil, &types.ManagedObjectNotFound{Obj: r.This}
	}
	for _, ref := range parent.ResourcePool.ResourcePool {
		if l.nameOf(ref) == r.Name {
			return nil, &types.DuplicateName{Name: r.Name, Object: ref}
		}
	}
	ref := moref{Type: "ResourcePool", Value: fmt.Sprintf("resgroup-%d", l.serial.take())}
	l.putPool(ref, r.Name, r.This)
	p := l.poolOf(ref)
	p.Config.CpuAllocation, p.Config.MemoryAllocation = r.Spec.CpuAllocation, r.Spec.MemoryAllocation
	return ref, nil
}

func (l *Lab) putPool(ref moref, name string, parent moref) {
	p := simulator.NewResourcePool(l.base)
	p.Self, p.Name, p.Parent, p.Owner = ref, name, &parent, l.cluster
	p.Vm, p.ResourcePool.ResourcePool = nil, nil
	p.Summary = &types.ResourcePoolSummary{Name: name}
	p.Config.Entity = &ref
	l.reg.Put(p)
	above := l.poolOf(parent)
	l.addTo(parent, &above.ResourcePool.ResourcePool, ref, "resourcePool")
}

func (l *Lab) destroyPool(c *call, r *types.Destroy_Task) (any, fault) {
	p := l.poolOf(r.This)
	if p == nil || r.This == l.rootPool {
		return nil, &types.NotSupported{}
	}
	return l.start(c, r.This, func(*task) (any, fault) {
		above := l.poolOf(*p.Parent)
		for _, ref := range append([]moref{}, p.Vm...) {
			l.changePool(l.machines[ref], above.Self)
		}
		for _, ref := range p.ResourcePool.ResourcePool {
			child := l.poolOf(ref)
			child.Parent = &above.Self
			l.addTo(above.Self, &above.ResourcePool.ResourcePool, ref, "resourcePool")
		}
		l.removeFrom(above.Self, &above.ResourcePool.ResourcePool, p.Self, "resourcePool")
		l.reg.Remove(l.stockContext(nil), p.Self)
		return nil, nil
	})
}

func (l *Lab) moveIntoPool(_ *call, r *types.MoveIntoResourcePool) (any, fault) {
	for _, ref := range r.List {
		m := l.machines[ref]
		if m == nil {
			return nil, &types.NotSupported{}
		}
		l.changePool(m, r.This)
	}
	return nil, nil
}

func (l *Lab) changePool(m *machine, to moref) {
	target := l.poolOf(to)
	if m == nil || target == nil {
		return
	}
	if from := l.poolOf(*m.vm.ResourcePool); from != nil {
		l.removeFrom(from.Self, &from.Vm, m.ref(), "vm")
	}
	m.vm.ResourcePool = &to
	l.addTo(to, &target.Vm, m.ref(), "vm")
	l.touch(m.ref(), "resourcePool")
}

func (l *Lab) updatePool(_ *call, r *types.UpdateConfig) (any, fault) {
	p := l.poolOf(r.This)
	if p == nil {
		return nil, &types.ManagedObjectNotFound{Obj: r.This}
	}
	if r.Name != "" && r.This != l.rootPool {
		p.Name = r.Name
	}
	if r.Config != nil {
		p.Config.CpuAllocation, p.Config.MemoryAllocation = r.Config.CpuAllocation, r.Config.MemoryAllocation
	}
	l.touch(r.This, "name", "config")
	return nil, nil
}

// moveDetached gives a disk that no VM has the directory and name Storage DRS would.
func (l *Lab) moveDetached(k *disk, to *datastore) (string, fault) {
	if l.isOpen(k.at.String()) || l.busy[k.at.String()] {
		return "", fileLocked(k.at.String())
	}
	dir := parentOf(k.at.rel)
	stem := strings.TrimSuffix(path.Base(k.at.rel), ".vmdk")
	target := to.file(path.Join(dir, stem+"_1.vmdk"))
	for n := 2; target.exists(); n++ {
		target = to.file(path.Join(dir, fmt.Sprintf("%s_%d.vmdk", stem, n)))
	}
	if err := os.MkdirAll(path.Dir(target.local), 0o755); err != nil {
		return "", &types.CannotCreateFile{FileFault: fileFault(target.String())}
	}
	return target.String(), l.moveDisk(k, target)
}
