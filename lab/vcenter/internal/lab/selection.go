package lab

import (
	"github.com/vmware/govmomi/vim25/types"
)

// selection evaluates PropertyFilterSpecs against the inventory. Lab.mu is held.
type selection struct {
	lab     *Lab
	session *session
}

// objects lists the objects a filter spec selects, each once, in order.
func (s selection) objects(spec types.PropertyFilterSpec) ([]moref, fault) {
	w := walk{selection: s, named: map[string]*types.TraversalSpec{}, picked: map[moref]bool{}, visited: map[visit]bool{}}
	missingOK := spec.ReportMissingObjectsInResults != nil && *spec.ReportMissingObjectsInResults
	for _, set := range spec.ObjectSet {
		if s.lab.object(s.session, set.Obj) == nil {
			if missingOK {
				continue
			}
			return nil, &types.ManagedObjectNotFound{Obj: set.Obj}
		}
		if set.Skip == nil || !*set.Skip {
			w.pick(set.Obj)
		}
		w.name(set.SelectSet)
		if f := w.follow(set.Obj, set.SelectSet); f != nil {
			return nil, f
		}
	}
	return w.order, nil
}

type visit struct {
	ref  moref
	spec *types.TraversalSpec
}

type walk struct {
	selection
	named   map[string]*types.TraversalSpec
	picked  map[moref]bool
	visited map[visit]bool
	order   []moref
}

func (w *walk) pick(ref moref) {
	if !w.picked[ref] {
		w.picked[ref] = true
		w.order = append(w.order, ref)
	}
}

func (w *walk) name(set []types.BaseSelectionSpec) {
	for _, base := range set {
		if t, ok := base.(*types.TraversalSpec); ok {
			if t.Name != "" {
				w.named[t.Name] = t
			}
			w.name(t.SelectSet)
		}
	}
}

func (w *walk) follow(from moref, set []types.BaseSelectionSpec) fault {
	obj := w.lab.object(w.session, from)
	if obj == nil {
		return nil
	}
	v := managed(obj)
	for _, base := range set {
		t, ok := base.(*types.TraversalSpec)
		if !ok {
			if t = w.named[base.GetSelectionSpec().Name]; t == nil {
				return &types.InvalidArgument{InvalidProperty: "selectSet.name"}
			}
		}
		if !isA(from, v, t.Type) || w.visited[visit{from, t}] {
			continue
		}
		w.visited[visit{from, t}] = true
		value, _ := property(v, t.Path)
		for _, ref := range refsOf(value) {
			if w.lab.object(w.session, ref) == nil {
				continue
			}
			if t.Skip == nil || !*t.Skip {
				w.pick(ref)
			}
			if f := w.follow(ref, t.SelectSet); f != nil {
				return f
			}
		}
	}
	return nil
}

// content reads the properties a spec asks of one object; nil when no PropertySpec matches its type.
func (s selection) content(ref moref, specs []types.PropertySpec) (*types.ObjectContent, fault) {
	obj := s.lab.object(s.session, ref)
	if obj == nil {
		return nil, nil
	}
	v := managed(obj)
	out := &types.ObjectContent{Obj: ref}
	seen, matched := map[string]bool{}, false
	add := func(name string, value any) {
		if value != nil && !seen[name] {
			seen[name] = true
			out.PropSet = append(out.PropSet, types.DynamicProperty{Name: name, Val: value})
		}
	}
	for _, spec := range specs {
		if !isA(ref, v, spec.Type) {
			continue
		}
		matched = true
		if spec.All != nil && *spec.All {
			allProperties(v, add)
			continue
		}
		for _, name := range spec.PathSet {
			value, known := property(v, name)
			if !known {
				return nil, &types.InvalidProperty{Name: name}
			}
			add(name, value)
		}
	}
	if !matched {
		return nil, nil
	}
	return out, nil
}
