package lab

import (
	"strconv"
	"time"

	"github.com/vmware/govmomi/vim25/types"

	"stowage/lab/vcenter/internal/wire"
)

// vCenter's own limit when the client gives none.
const defaultMaxObjectUpdates = 100

func (l *Lab) collectorCalls(t table) {
	t.read("PropertyCollector", "RetrievePropertiesEx", on(l.retrievePropertiesEx))
	t.read("PropertyCollector", "RetrieveProperties", on(l.retrieveProperties))
	t.read("PropertyCollector", "ContinueRetrievePropertiesEx", on(l.continueRetrieve))
	t.write("PropertyCollector", "CancelRetrievePropertiesEx", on(l.cancelRetrieve))
	t.write("PropertyCollector", "CreateFilter", on(l.createFilter))
	t.write("PropertyCollector", "CreatePropertyCollector", on(l.createPropertyCollector))
	t.write("PropertyCollector", "DestroyPropertyCollector", on(l.destroyPropertyCollector))
	t.write("PropertyFilter", "DestroyPropertyFilter", on(l.destroyPropertyFilter))
	t.free("PropertyCollector", "WaitForUpdatesEx", on(l.waitForUpdatesEx))
	t.free("PropertyCollector", "WaitForUpdates", on(l.waitForUpdates))
	t.free("PropertyCollector", "CheckForUpdates", on(l.checkForUpdates))
	t.free("PropertyCollector", "CancelWaitForUpdates", on(l.cancelWaitForUpdates))
}

func (l *Lab) retrieve(c *call, specs []types.PropertyFilterSpec, maxObjects int) (*types.RetrieveResult, fault) {
	rest := make([]retrieval, 0, len(specs))
	sel := selection{l, c.session}
	for _, spec := range specs {
		refs, f := sel.objects(spec)
		if f != nil {
			return nil, f
		}
		rest = append(rest, retrieval{spec.PropSet, refs})
	}
	return l.retrievePage(c, rest, maxObjects)
}

// retrieval is what a paged RetrievePropertiesEx has still to report.
type retrieval struct {
	props []types.PropertySpec
	refs  []moref
}

func (l *Lab) retrievePage(c *call, rest []retrieval, maxObjects int) (*types.RetrieveResult, fault) {
	out := &types.RetrieveResult{}
	sel := selection{l, c.session}
	for i := range rest {
		for len(rest[i].refs) > 0 {
			if maxObjects > 0 && len(out.Objects) == maxObjects {
				out.Token = c.session.keepPage(page{rest[i:], maxObjects})
				return out, nil
			}
			ref := rest[i].refs[0]
			rest[i].refs = rest[i].refs[1:]
			content, f := sel.content(ref, rest[i].props)
			if f != nil {
				return nil, f
			}
			if content != nil {
				out.Objects = append(out.Objects, *content)
			}
		}
	}
	return out, nil
}

func (l *Lab) retrievePropertiesEx(c *call, r *types.RetrievePropertiesEx) (any, fault) {
	result, f := l.retrieve(c, r.SpecSet, int(r.Options.MaxObjects))
	if f != nil || len(result.Objects) == 0 {
		return nil, f
	}
	return result, nil
}

func (l *Lab) retrieveProperties(c *call, r *types.RetrieveProperties) (any, fault) {
	result, f := l.retrieve(c, r.SpecSet, 0)
	if f != nil {
		return nil, f
	}
	return &types.RetrievePropertiesResponse{Returnval: result.Objects}, nil
}

func (l *Lab) continueRetrieve(c *call, r *types.ContinueRetrievePropertiesEx) (any, fault) {
	p, ok := c.session.takePage(r.Token)
	if !ok {
		return nil, &types.InvalidProperty{Name: "token"}
	}
	return nilOnFault(l.retrievePage(c, p.rest, p.maxObjects))
}

func nilOnFault(r *types.RetrieveResult, f fault) (any, fault) {
	if f != nil {
		return nil, f
	}
	return r, nil
}

func (l *Lab) cancelRetrieve(c *call, r *types.CancelRetrievePropertiesEx) (any, fault) {
	c.session.takePage(r.Token)
	return nil, nil
}

func (l *Lab) createFilter(c *call, r *types.CreateFilter) (any, fault) {
	pc, ok := c.target.(*collector)
	if !ok {
		return nil, &types.ManagedObjectNotFound{Obj: r.This}
	}
	if _, f := (selection{l, c.session}).objects(r.Spec); f != nil {
		return nil, f
	}
	f := newFilter(pc, c.session.newRef("PropertyFilter"), r)
	c.session.put(f.Self, f)
	pc.addFilter(f)
	return f.Self, nil
}

func (l *Lab) createPropertyCollector(c *call, _ *types.CreatePropertyCollector) (any, fault) {
	pc := newCollector(l, c.session, c.session.newRef("PropertyCollector"))
	c.session.put(pc.Self, pc)
	return pc.Self, nil
}

func (l *Lab) destroyPropertyCollector(c *call, r *types.DestroyPropertyCollector) (any, fault) {
	pc, ok := c.target.(*collector)
	if !ok {
		return nil, &types.ManagedObjectNotFound{Obj: r.This}
	}
	for _, f := range pc.filters {
		c.session.drop(f.Self)
	}
	pc.close()
	c.session.drop(r.This)
	return nil, nil
}

func (l *Lab) destroyPropertyFilter(c *call, r *types.DestroyPropertyFilter) (any, fault) {
	f, ok := c.target.(*filter)
	if !ok {
		return nil, &types.ManagedObjectNotFound{Obj: r.This}
	}
	f.collector.removeFilter(f)
	c.session.drop(r.This)
	return nil, nil
}

func (l *Lab) waitForUpdatesEx(c *call, r *types.WaitForUpdatesEx) (any, fault) {
	maxObjects, wait := defaultMaxObjectUpdates, time.Duration(-1)
	if o := r.Options; o != nil {
		if o.MaxObjectUpdates > 0 && int(o.MaxObjectUpdates) < maxObjects {
			maxObjects = int(o.MaxObjectUpdates)
		}
		if o.MaxWaitSeconds != nil {
			wait = time.Duration(*o.MaxWaitSeconds) * time.Second
		}
	}
	return l.waitUpdates(c, r.Version, maxObjects, wait)
}

func (l *Lab) waitForUpdates(c *call, r *types.WaitForUpdates) (any, fault) {
	return l.waitUpdates(c, r.Version, 1<<30, -1)
}

func (l *Lab) checkForUpdates(c *call, r *types.CheckForUpdates) (any, fault) {
	return l.waitUpdates(c, r.Version, 1<<30, 0)
}

func (l *Lab) cancelWaitForUpdates(c *call, r *types.CancelWaitForUpdates) (any, fault) {
	pc, ok := c.target.(*collector)
	if !ok {
		return nil, &types.ManagedObjectNotFound{Obj: r.This}
	}
	pc.interrupt()
	return nil, nil
}

// waitUpdates answers with the changes since version, waiting for the first of
// them. wait < 0 means for ever, 0 means only look.
func (l *Lab) waitUpdates(c *call, version string, maxObjects int, wait time.Duration) (any, fault) {
	pc, ok := c.target.(*collector)
	if !ok {
		return nil, &types.ManagedObjectNotFound{Obj: c.method.This}
	}
	pc.mu.Lock()
	cancel := pc.cancel
	pc.mu.Unlock()
	pc.waiting.Lock()
	defer pc.waiting.Unlock()

	if replay, f := pc.begin(version); replay != nil || f != nil {
		return replay, f
	}
	var timeout <-chan time.Time
	if wait > 0 {
		timer := time.NewTimer(wait)
		defer timer.Stop()
		timeout = timer.C
	}
	for {
		answer, f := l.answer(c, pc, maxObjects)
		if answer != nil || f != nil {
			return answer, f
		}
		if wait == 0 || (version == "" && len(pc.filters) == 0 && wait == 0) {
			return nil, nil
		}
		select {
		case <-pc.wake:
		case <-timeout:
			return nil, nil
		case <-cancel:
			return nil, &types.RequestCanceled{}
		case <-c.gone:
			return nil, &types.RequestCanceled{}
		case <-l.closed:
			return nil, &types.RequestCanceled{}
		}
	}
}

// begin checks the client's version and answers a repeated call from memory.
func (pc *collector) begin(version string) (any, fault) {
	pc.mu.Lock()
	defer pc.mu.Unlock()
	if version == "" {
		if pc.version > 0 {
			for _, f := range pc.filters {
				f.known, f.reselect = map[moref]map[string]any{}, true
			}
			pc.pending = nil
		}
		return nil, nil
	}
	n, err := strconv.Atoi(version)
	switch {
	case err != nil || n > pc.version || n < pc.version-1:
		return nil, &types.InvalidCollectorVersion{}
	case n == pc.version-1 && pc.last != nil:
		return encoded(pc.last), nil
	}
	return nil, nil
}

func (l *Lab) answer(c *call, pc *collector, maxObjects int) (any, fault) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	pc.mu.Lock()
	defer pc.mu.Unlock()
	if !c.session.isValid() {
		return nil, notAuthenticated(c.method.This)
	}
	set, f := pc.gather(maxObjects)
	if set == nil || f != nil {
		return nil, f
	}
	pc.version++
	set.Version = strconv.Itoa(pc.version)
	body, err := wire.Response(c.method.Name, set)
	if err != nil {
		return nil, &types.SystemError{Reason: err.Error()}
	}
	pc.last = body
	return encoded(body), nil
}
