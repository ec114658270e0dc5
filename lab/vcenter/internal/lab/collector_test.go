package lab

import (
	"testing"

	"github.com/vmware/govmomi/view"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/types"
)

// watcher is a raw WaitForUpdatesEx loop over a container view.
type watcher struct {
	r       *rig
	pc      moref
	version string
}

func (r *rig) newCollector() moref {
	r.t.Helper()
	res, err := methods.CreatePropertyCollector(r.ctx, r.c.Client, &types.CreatePropertyCollector{This: r.c.ServiceContent.PropertyCollector})
	if err != nil {
		r.t.Fatal(err)
	}
	return res.Returnval
}

func (r *rig) filter(pc moref, root moref, kind string, props []types.PropertySpec) {
	r.t.Helper()
	_, err := methods.CreateFilter(r.ctx, r.c.Client, &types.CreateFilter{This: pc, Spec: types.PropertyFilterSpec{
		PropSet: props,
		ObjectSet: []types.ObjectSpec{{Obj: root, Skip: types.NewBool(true), SelectSet: []types.BaseSelectionSpec{
			&types.TraversalSpec{Type: kind, Path: "view"},
		}}},
	}})
	if err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) watch(kinds []string, props []types.PropertySpec) *watcher {
	r.t.Helper()
	v := must(view.NewManager(r.c.Client).CreateContainerView(r.ctx, r.c.ServiceContent.RootFolder, kinds, true))(r.t)
	w := &watcher{r: r, pc: r.newCollector()}
	r.filter(w.pc, v.Reference(), "ContainerView", props)
	return w
}

func (w *watcher) call(version string, seconds int32) (*types.UpdateSet, error) {
	res, err := methods.WaitForUpdatesEx(w.r.ctx, w.r.c.Client, &types.WaitForUpdatesEx{
		This: w.pc, Version: version, Options: &types.WaitOptions{MaxWaitSeconds: &seconds},
	})
	if err != nil {
		return nil, err
	}
	return res.Returnval, nil
}

func (w *watcher) wait() *types.UpdateSet {
	set, err := w.call(w.version, 2)
	if err != nil || set == nil {
		return nil
	}
	w.version = set.Version
	return set
}

func (w *watcher) next() *types.UpdateSet {
	w.r.t.Helper()
	set := w.wait()
	if set == nil {
		w.r.t.Fatal("no update")
	}
	return set
}

func TestALostAnswerIsGivenAgain(t *testing.T) {
	r := newRig(t)
	w := r.watch([]string{"VirtualMachine"}, []types.PropertySpec{{Type: "VirtualMachine", PathSet: []string{"runtime.powerState"}}})
	if n := len(w.next().FilterSet[0].ObjectSet); n != 4 {
		t.Fatalf("%d objects", n)
	}
	version := w.version
	r.await(r.vm("lab-vm-1").PowerOff(r.ctx))
	first := w.next()
	again, err := w.call(version, 1)
	if err != nil || again.Version != first.Version || len(again.FilterSet) != 1 {
		t.Fatalf("%+v %v", again, err)
	}
	if set, err := w.call(first.Version, 0); set != nil || err != nil {
		t.Fatalf("%+v %v", set, err)
	}
	_, err = w.call("77", 0)
	r.expect(&types.InvalidCollectorVersion{}, err)
}

func TestAViewFollowsNewAndRemovedVMs(t *testing.T) {
	r := newRig(t)
	w := r.watch([]string{"VirtualMachine"}, []types.PropertySpec{{Type: "VirtualMachine", PathSet: []string{"name"}}})
	w.next()
	r.do("/lab/vms", map[string]any{"count": 1, "prefix": "late"})
	set := w.next()
	if o := set.FilterSet[0].ObjectSet; len(o) != 1 || o[0].Kind != "enter" || o[0].ChangeSet[0].Val != "late-1" {
		t.Fatalf("%+v", o)
	}
	r.await(r.vm("late-1").Destroy(r.ctx))
	if o := w.next().FilterSet[0].ObjectSet; len(o) != 1 || o[0].Kind != "leave" {
		t.Fatalf("%+v", o)
	}
}

func TestTasksAreWatchedThroughAListView(t *testing.T) {
	r := newRig(t)
	list := must(view.NewManager(r.c.Client).CreateListView(r.ctx, nil))(t)
	w := &watcher{r: r, pc: r.newCollector()}
	r.filter(w.pc, list.Reference(), "ListView", []types.PropertySpec{{Type: "Task", PathSet: []string{"info.state", "info.error"}}})
	r.do("/lab/task-latency", map[string]any{"method": "CreateVirtualDisk_Task", "ms": 50})
	done := map[moref]bool{}
	for _, name := range []string{"a", "b", "none/c"} {
		task := must(r.disks.CreateVirtualDisk(r.ctx, "[shared-1] "+name+".vmdk", r.dc, thinSpec(1)))(t)
		if _, err := list.Add(r.ctx, []types.ManagedObjectReference{task.Reference()}); err != nil {
			t.Fatal(err)
		}
		done[task.Reference()] = false
	}
	states := map[string]int{}
	for left := 3; left > 0; {
		for _, o := range w.next().FilterSet[0].ObjectSet {
			for _, c := range o.ChangeSet {
				state, ok := c.Val.(types.TaskInfoState)
				if ok && c.Name == "info.state" && (state == "success" || state == "error") {
					states[string(state)]++
					left--
				}
			}
		}
	}
	if states["success"] != 2 || states["error"] != 1 {
		t.Error(states)
	}
}

func TestFreeSpaceIsToldWhenItHasChanged(t *testing.T) {
	r := newRig(t)
	w := r.watch([]string{"Datastore"}, []types.PropertySpec{{Type: "Datastore", PathSet: []string{"summary"}}})
	w.next()
	r.mkdir("[shared-1] d")
	r.makeDisk("[shared-1] d/thin.vmdk", 1)
	if set, err := w.call(w.version, 0); set != nil || err != nil {
		t.Fatalf("%+v %v", set, err)
	}
	r.await(r.disks.CreateVirtualDisk(r.ctx, "[shared-1] thick.vmdk", r.dc, diskSpecOf(1, "eagerZeroedThick")))
	if o := w.next().FilterSet[0].ObjectSet; len(o) != 1 {
		t.Fatalf("%+v", o)
	}
}
