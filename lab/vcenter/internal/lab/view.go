package lab

import (
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/types"
)

// containerView is a ContainerView; its content follows the inventory.
type containerView struct {
	mo.ContainerView
	lab *Lab
}

// listView is a ListView: the client maintains its content.
type listView struct {
	mo.ListView
}

func (l *Lab) viewCalls(t table) {
	t.write("ViewManager", "CreateContainerView", on(l.createContainerView))
	t.write("ViewManager", "CreateListView", on(l.createListView))
	t.write("ListView", "ModifyListView", on(l.modifyListView))
	t.write("ListView", "ResetListView", on(l.resetListView))
	t.write("ListView", "DestroyView", on(l.destroyView))
	t.write("ContainerView", "DestroyView", on(l.destroyView))
}

func (l *Lab) createContainerView(c *call, r *types.CreateContainerView) (any, fault) {
	if l.reg.Get(r.Container) == nil {
		return nil, &types.ManagedObjectNotFound{Obj: r.Container}
	}
	for _, kind := range r.Type {
		if !isManagedType(kind) {
			return nil, &types.InvalidArgument{InvalidProperty: "type"}
		}
	}
	v := &containerView{lab: l}
	v.Self = c.session.newRef("ContainerView")
	v.Container, v.Type, v.Recursive = r.Container, r.Type, r.Recursive
	v.refresh()
	c.session.put(v.Self, v)
	l.feed.add(v)
	return v.Self, nil
}

// refresh walks the container. Lab.mu is held for writing.
func (v *containerView) refresh() {
	var out []moref
	seen := map[moref]bool{v.Container: true}
	var walk func(moref)
	walk = func(from moref) {
		for _, ref := range v.lab.children(from) {
			if seen[ref] {
				continue
			}
			seen[ref] = true
			obj := v.lab.reg.Get(ref)
			if obj == nil {
				continue
			}
			if v.wants(ref, obj) {
				out = append(out, ref)
			}
			if v.Recursive {
				walk(ref)
			}
		}
	}
	walk(v.Container)
	v.View = out
}

func (v *containerView) wants(ref moref, obj mo.Reference) bool {
	if len(v.Type) == 0 {
		return true
	}
	m := managed(obj)
	for _, kind := range v.Type {
		if isA(ref, m, kind) {
			return true
		}
	}
	return false
}

// Get computes the content when it is read, so that it is never stale.
func (v *containerView) Get() mo.Reference {
	fresh := &containerView{ContainerView: v.ContainerView, lab: v.lab}
	fresh.refresh()
	return &fresh.ContainerView
}

func (v *containerView) objectChanged(ref moref, paths []string) {
	for _, p := range paths {
		switch p {
		case "childEntity", "vm", "host", "resourcePool", "datastore", "network":
			v.lab.feed.changed(v.Self, "view")
			return
		}
	}
}

func (v *containerView) objectEntered(ref moref) {
	if _, ok := v.lab.reg.Get(ref).(mo.Entity); ok {
		v.lab.feed.changed(v.Self, "view")
	}
}

func (v *containerView) objectLeft(ref moref) {
	switch ref.Type {
	case "Task", "PropertyFilter", "PropertyCollector":
	default:
		v.lab.feed.changed(v.Self, "view")
	}
}

// children are what a container shows beneath an object.
func (l *Lab) children(ref moref) []moref {
	obj := l.reg.Get(ref)
	if obj == nil {
		return nil
	}
	switch o := managed(obj).Addr().Interface().(type) {
	case *mo.Folder:
		return o.ChildEntity
	case *mo.StoragePod:
		return o.ChildEntity
	case *mo.Datacenter:
		return []moref{o.VmFolder, o.HostFolder, o.DatastoreFolder, o.NetworkFolder}
	case *mo.ClusterComputeResource:
		return append(append([]moref{}, o.Host...), *o.ResourcePool)
	case *mo.ComputeResource:
		return append(append([]moref{}, o.Host...), *o.ResourcePool)
	case *mo.ResourcePool:
		return append(append([]moref{}, o.ResourcePool...), o.Vm...)
	case *mo.HostSystem:
		return append(append([]moref{}, o.Vm...), o.Datastore...)
	}
	return nil
}

func isManagedType(kind string) bool {
	switch kind {
	case "ManagedEntity", "Folder", "StoragePod", "Datacenter", "ComputeResource", "ClusterComputeResource",
		"HostSystem", "ResourcePool", "VirtualApp", "VirtualMachine", "Datastore", "Network",
		"DistributedVirtualPortgroup", "DistributedVirtualSwitch", "OpaqueNetwork", "VmwareDistributedVirtualSwitch":
		return true
	}
	return false
}

func (l *Lab) destroyView(c *call, r *types.DestroyView) (any, fault) {
	if v, ok := c.target.(listener); ok {
		l.feed.remove(v)
	}
	c.session.drop(r.This)
	l.feed.left(r.This)
	return nil, nil
}

func (l *Lab) createListView(c *call, r *types.CreateListView) (any, fault) {
	v := &listView{}
	v.Self = c.session.newRef("ListView")
	v.View = append([]moref{}, r.Obj...)
	c.session.put(v.Self, v)
	return v.Self, nil
}

func (l *Lab) modifyListView(c *call, r *types.ModifyListView) (any, fault) {
	v, ok := c.target.(*listView)
	if !ok {
		return nil, &types.ManagedObjectNotFound{Obj: r.This}
	}
	gone := map[moref]bool{}
	for _, ref := range r.Remove {
		gone[ref] = true
	}
	view := make([]moref, 0, len(v.View)+len(r.Add))
	for _, ref := range v.View {
		if !gone[ref] {
			view = append(view, ref)
		}
	}
	var unresolved []moref
	for _, ref := range r.Add {
		if l.object(c.session, ref) == nil {
			unresolved = append(unresolved, ref)
			continue
		}
		view = append(view, ref)
	}
	v.View = view
	l.feed.changed(v.Self, "view")
	return &types.ModifyListViewResponse{Returnval: unresolved}, nil
}

func (l *Lab) resetListView(c *call, r *types.ResetListView) (any, fault) {
	v, ok := c.target.(*listView)
	if !ok {
		return nil, &types.ManagedObjectNotFound{Obj: r.This}
	}
	v.View = append([]moref{}, r.Obj...)
	l.feed.changed(v.Self, "view")
	return &types.ResetListViewResponse{}, nil
}
