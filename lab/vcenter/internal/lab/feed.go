package lab

import (
	"sync"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/types"
)

// listener hears of every change to the inventory.
type listener interface {
	objectChanged(ref moref, paths []string)
	objectEntered(ref moref)
	objectLeft(ref moref)
}

// feed spreads changes to property collectors and views. It is also the
// simulator's RegisterObject handler, so that changes made by stock methods
// arrive the same way.
type feed struct {
	self      moref
	mu        sync.Mutex
	listeners map[listener]struct{}
}

func newFeed() *feed {
	return &feed{
		self:      moref{Type: "LabFeed", Value: "feed"},
		listeners: map[listener]struct{}{},
	}
}

func (f *feed) add(l listener) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.listeners[l] = struct{}{}
}

func (f *feed) remove(l listener) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.listeners, l)
}

func (f *feed) each(do func(listener)) {
	f.mu.Lock()
	all := make([]listener, 0, len(f.listeners))
	for l := range f.listeners {
		all = append(all, l)
	}
	f.mu.Unlock()
	for _, l := range all {
		do(l)
	}
}

func (f *feed) changed(ref moref, paths ...string) {
	f.each(func(l listener) { l.objectChanged(ref, paths) })
}

func (f *feed) entered(ref moref) { f.each(func(l listener) { l.objectEntered(ref) }) }
func (f *feed) left(ref moref)    { f.each(func(l listener) { l.objectLeft(ref) }) }

func (f *feed) Reference() types.ManagedObjectReference { return f.self }

func (f *feed) PutObject(_ *simulator.Context, o mo.Reference) { f.entered(o.Reference()) }

func (f *feed) UpdateObject(_ *simulator.Context, o mo.Reference, changes []types.PropertyChange) {
	paths := make([]string, len(changes))
	for i := range changes {
		paths[i] = changes[i].Name
	}
	f.changed(o.Reference(), paths...)
}

func (f *feed) RemoveObject(_ *simulator.Context, ref types.ManagedObjectReference) { f.left(ref) }
