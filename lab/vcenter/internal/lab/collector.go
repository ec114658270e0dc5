package lab

import (
	"sync"

	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/types"
)

// collector is a PropertyCollector. Versions count up; the answer to the last
// call is kept, so that a client whose connection broke gets it again.
type collector struct {
	mo.PropertyCollector
	lab     *Lab
	session *session

	mu      sync.Mutex // guards what follows
	filters []*filter
	pending []types.PropertyFilterUpdate // did not fit into maxObjectUpdates
	version int
	last    []byte // encoded answer that led from version-1 to version
	wake    chan struct{}
	cancel  chan struct{}
	waiting sync.Mutex // one WaitForUpdatesEx at a time
}

func newCollector(l *Lab, s *session, ref moref) *collector {
	c := &collector{lab: l, session: s, wake: make(chan struct{}, 1), cancel: make(chan struct{})}
	c.Self = ref
	l.feed.add(c)
	return c
}

func (c *collector) close() {
	c.lab.feed.remove(c)
	c.interrupt()
}

func (c *collector) interrupt() {
	c.mu.Lock()
	defer c.mu.Unlock()
	close(c.cancel)
	c.cancel = make(chan struct{})
}

func (c *collector) signal() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

func (c *collector) objectChanged(ref moref, paths []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	interested := false
	for _, f := range c.filters {
		interested = f.changed(ref, paths) || interested
	}
	if interested {
		c.signal()
	}
}

func (c *collector) objectEntered(ref moref) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, f := range c.filters {
		if f.entered(ref) {
			c.signal()
		}
	}
}

func (c *collector) objectLeft(ref moref) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, f := range c.filters {
		if f.left(ref) {
			c.signal()
		}
	}
}

func (c *collector) addFilter(f *filter) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.filters = append(c.filters, f)
	c.Filter = append(c.Filter, f.Self)
	c.signal()
}

func (c *collector) removeFilter(f *filter) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range c.filters {
		if c.filters[i] == f {
			c.filters = append(c.filters[:i:i], c.filters[i+1:]...)
			c.Filter = append(c.Filter[:i:i], c.Filter[i+1:]...)
			return
		}
	}
}

// gather computes the updates since the last call. Lab.mu and c.mu are held.
func (c *collector) gather(maxObjects int) (set *types.UpdateSet, f fault) {
	updates := c.pending
	c.pending = nil
	if len(updates) == 0 {
		for _, filter := range c.filters {
			objects, fault := filter.collect(c.lab, c.session)
			if fault != nil {
				return nil, fault
			}
			if len(objects) > 0 {
				updates = append(updates, types.PropertyFilterUpdate{Filter: filter.Self, ObjectSet: objects})
			}
		}
	}
	if len(updates) == 0 {
		return nil, nil
	}
	set = &types.UpdateSet{}
	set.FilterSet, c.pending = split(updates, maxObjects)
	if len(c.pending) > 0 {
		set.Truncated = types.NewBool(true)
		c.signal()
	}
	return set, nil
}

func split(updates []types.PropertyFilterUpdate, maxObjects int) (now, later []types.PropertyFilterUpdate) {
	for _, u := range updates {
		if maxObjects <= 0 {
			later = append(later, u)
			continue
		}
		if n := len(u.ObjectSet); n > maxObjects {
			rest := u
			rest.ObjectSet = u.ObjectSet[maxObjects:]
			later = append(later, rest)
			u.ObjectSet = u.ObjectSet[:maxObjects]
		}
		maxObjects -= len(u.ObjectSet)
		now = append(now, u)
	}
	return now, later
}
