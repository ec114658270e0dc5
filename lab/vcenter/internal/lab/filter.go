package lab

import (
	"reflect"
	"strings"

	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/types"
)

// filter is a PropertyFilter: it remembers which objects the client knows of
// and which of their properties changed since. Its collector's lock guards it.
type filter struct {
	mo.PropertyFilter
	collector *collector

	known    map[moref]map[string]any // last reported scalar values
	dirty    map[moref]map[string]bool
	order    []moref // dirty objects in order of change
	reselect bool
	roots    map[moref]bool
	steps    map[string][]string // traversal path -> types it starts from
}

func newFilter(c *collector, ref moref, req *types.CreateFilter) *filter {
	f := &filter{
		collector: c,
		known:     map[moref]map[string]any{},
		dirty:     map[moref]map[string]bool{},
		reselect:  true,
		roots:     map[moref]bool{},
		steps:     map[string][]string{},
	}
	f.Self, f.Spec, f.PartialUpdates = ref, req.Spec, req.PartialUpdates
	var add func([]types.BaseSelectionSpec)
	add = func(set []types.BaseSelectionSpec) {
		for _, s := range set {
			if t, ok := s.(*types.TraversalSpec); ok {
				f.steps[t.Path] = append(f.steps[t.Path], t.Type)
				add(t.SelectSet)
			}
		}
	}
	for _, set := range req.Spec.ObjectSet {
		f.roots[set.Obj] = true
		add(set.SelectSet)
	}
	return f
}

func overlaps(a, b string) bool {
	if a == b {
		return true
	}
	if len(a) > len(b) {
		a, b = b, a
	}
	return strings.HasPrefix(b, a) && (b[len(a)] == '.' || b[len(a)] == '[')
}

func (f *filter) changed(ref moref, paths []string) bool {
	interested := false
	for _, p := range paths {
		// A view matters only to the filters that start from it.
		if _, ok := f.steps[p]; ok && (p != "view" || f.roots[ref]) {
			f.reselect, interested = true, true
		}
	}
	if _, ok := f.known[ref]; !ok {
		return interested
	}
	d := f.dirty[ref]
	if d == nil {
		d = map[string]bool{}
		f.dirty[ref] = d
		f.order = append(f.order, ref)
	}
	for _, p := range paths {
		d[p] = true
	}
	return true
}

func (f *filter) entered(ref moref) bool {
	if f.roots[ref] {
		f.reselect = true
	}
	return f.roots[ref]
}

func (f *filter) left(ref moref) bool {
	if _, ok := f.known[ref]; !ok {
		return false
	}
	f.reselect = true
	return true
}

// collect turns what happened since the last call into object updates.
func (f *filter) collect(l *Lab, s *session) ([]types.ObjectUpdate, fault) {
	var out []types.ObjectUpdate
	sel := selection{l, s}
	entered := map[moref]bool{}
	if f.reselect {
		spec := f.Spec
		if len(f.known) > 0 {
			spec.ReportMissingObjectsInResults = types.NewBool(true) // a root may have gone
		}
		refs, fault := sel.objects(spec)
		if fault != nil {
			return nil, fault
		}
		f.reselect = false
		now := make(map[moref]bool, len(refs))
		for _, ref := range refs {
			now[ref] = true
			if _, ok := f.known[ref]; ok {
				continue
			}
			entered[ref] = true
			update, fault := f.enter(sel, ref)
			if fault != nil {
				return nil, fault
			}
			if update != nil {
				out = append(out, *update)
			}
		}
		for ref := range f.known {
			if !now[ref] {
				delete(f.known, ref)
				out = append(out, types.ObjectUpdate{Kind: types.ObjectUpdateKindLeave, Obj: ref})
			}
		}
	}
	dirty, order := f.dirty, f.order
	f.dirty, f.order = map[moref]map[string]bool{}, nil
	for _, ref := range order {
		if _, ok := f.known[ref]; !ok || entered[ref] {
			continue
		}
		if update := f.modify(sel, ref, dirty[ref]); update != nil {
			out = append(out, *update)
		}
	}
	return out, nil
}

func (f *filter) enter(sel selection, ref moref) (*types.ObjectUpdate, fault) {
	content, fault := sel.content(ref, f.Spec.PropSet)
	if content == nil || fault != nil {
		return nil, fault
	}
	known := map[string]any{}
	f.known[ref] = known
	update := &types.ObjectUpdate{Kind: types.ObjectUpdateKindEnter, Obj: ref}
	for _, p := range content.PropSet {
		remember(known, p.Name, p.Val)
		update.ChangeSet = append(update.ChangeSet, types.PropertyChange{
			Name: p.Name, Op: types.PropertyChangeOpAssign, Val: p.Val,
		})
	}
	return update, nil
}

func (f *filter) modify(sel selection, ref moref, dirty map[string]bool) *types.ObjectUpdate {
	obj := sel.lab.object(sel.session, ref)
	if obj == nil {
		return nil
	}
	v := managed(obj)
	update := &types.ObjectUpdate{Kind: types.ObjectUpdateKindModify, Obj: ref}
	seen := map[string]bool{}
	for _, spec := range f.Spec.PropSet {
		if !isA(ref, v, spec.Type) {
			continue
		}
		paths := spec.PathSet
		if spec.All != nil && *spec.All {
			paths = nil
			for p := range dirty {
				paths = append(paths, splitPath(p)[0])
			}
		}
		for _, path := range paths {
			if seen[path] || !anyOverlap(dirty, path) {
				continue
			}
			seen[path] = true
			value, _ := property(v, path)
			if !remember(f.known[ref], path, value) {
				continue
			}
			change := types.PropertyChange{Name: path, Op: types.PropertyChangeOpAssign, Val: value}
			if value == nil {
				change.Op = types.PropertyChangeOpRemove
			}
			update.ChangeSet = append(update.ChangeSet, change)
		}
	}
	if len(update.ChangeSet) == 0 {
		return nil
	}
	return update
}

func anyOverlap(dirty map[string]bool, path string) bool {
	for p := range dirty {
		if overlaps(p, path) {
			return true
		}
	}
	return false
}

// remember stores a scalar and says whether it differs from the last one;
// other values always count as changed.
func remember(known map[string]any, path string, value any) bool {
	if value != nil {
		switch reflect.TypeOf(value).Kind() {
		case reflect.String, reflect.Bool, reflect.Int32, reflect.Int64, reflect.Int16, reflect.Int:
		case reflect.Struct:
			if _, ok := value.(moref); !ok {
				delete(known, path)
				return true
			}
		default:
			delete(known, path)
			return true
		}
	}
	old, had := known[path]
	known[path] = value
	return !had || old != value
}
