package lab

import (
	"reflect"
	"sort"
	"time"

	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/types"
)

const keptEvents = 20000

// eventLog is what EventManager answers from, oldest first. Lab.mu guards it.
type eventLog struct {
	events     []types.BaseEvent
	collectors map[moref]*eventCollector
}

func newEventLog() *eventLog { return &eventLog{collectors: map[moref]*eventCollector{}} }

// eventCollector is an EventHistoryCollector.
type eventCollector struct {
	mo.EventHistoryCollector
	filter types.EventFilterSpec
	next   int32 // key of the next event ReadNextEvents gives
	size   int
}

// post appends an event and publishes it. Lab.mu is held.
func (l *Lab) post(event types.BaseEvent, message string) {
	e := event.GetEvent()
	e.Key = int32(l.serial.take())
	e.ChainId, e.CreatedTime = e.Key, time.Now().UTC()
	if e.UserName == "" {
		e.UserName = l.opt.User
	}
	e.FullFormattedMessage = message
	l.events.events = append(l.events.events, event)
	if n := len(l.events.events); n > keptEvents {
		l.events.events = append([]types.BaseEvent{}, l.events.events[n-keptEvents:]...)
	}
	ref := *l.content().EventManager
	managed(l.reg.Get(ref)).Addr().Interface().(*mo.EventManager).LatestEvent = event
	l.feed.changed(ref, "latestEvent")
	for _, c := range l.events.collectors {
		if l.eventMatches(event, &c.filter) {
			c.LatestPage = append([]types.BaseEvent{event}, c.LatestPage...)
			if len(c.LatestPage) > c.size {
				c.LatestPage = c.LatestPage[:c.size]
			}
			l.feed.changed(c.Self, "latestPage")
		}
	}
}

func (l *Lab) eventMatches(event types.BaseEvent, f *types.EventFilterSpec) bool {
	e := event.GetEvent()
	if f.Time != nil {
		if b := f.Time.BeginTime; b != nil && e.CreatedTime.Before(*b) {
			return false
		}
		if end := f.Time.EndTime; end != nil && e.CreatedTime.After(*end) {
			return false
		}
	}
	if f.EventChainId != 0 && f.EventChainId != e.ChainId {
		return false
	}
	if f.UserName != nil && len(f.UserName.UserList) > 0 && !contains(f.UserName.UserList, e.UserName) {
		return false
	}
	if kinds := append(append([]string{}, f.EventTypeId...), f.Type...); len(kinds) > 0 && !eventIsOf(event, kinds) {
		return false
	}
	return f.Entity == nil || l.eventConcerns(e, f.Entity)
}

func eventIsOf(event types.BaseEvent, kinds []string) bool {
	t := reflect.TypeOf(event).Elem()
	for _, kind := range kinds {
		if len(kind) > 10 && kind[:10] == "vim.event." {
			kind = kind[10:]
		}
		if x, ok := event.(*types.EventEx); ok && x.EventTypeId == kind {
			return true
		}
		if t.Name() == kind {
			return true
		}
		if f, ok := t.FieldByName(kind); ok && f.Anonymous {
			return true
		}
	}
	return false
}

func (l *Lab) eventConcerns(e *types.Event, by *types.EventFilterSpecByEntity) bool {
	var about []moref
	if e.Vm != nil {
		about = append(about, e.Vm.Vm)
	}
	if e.Host != nil {
		about = append(about, e.Host.Host)
	}
	if e.ComputeResource != nil {
		about = append(about, e.ComputeResource.ComputeResource)
	}
	if e.Datacenter != nil {
		about = append(about, e.Datacenter.Datacenter)
	}
	if e.Ds != nil {
		about = append(about, e.Ds.Datastore)
	}
	for _, ref := range about {
		if ref == by.Entity {
			if by.Recursion != types.EventFilterSpecRecursionOptionChildren {
				return true
			}
			continue
		}
		if by.Recursion != types.EventFilterSpecRecursionOptionSelf && l.isBeneath(ref, by.Entity) {
			return true
		}
	}
	return false
}

// isBeneath follows parents. A removed object is taken to be beneath anything above its kind.
func (l *Lab) isBeneath(ref, above moref) bool {
	for i := 0; i < 20; i++ {
		e, ok := l.reg.Get(ref).(mo.Entity)
		if !ok {
			return above == l.content().RootFolder || above == l.dc
		}
		parent := e.Entity().Parent
		if parent == nil {
			return false
		}
		if *parent == above {
			return true
		}
		ref = *parent
	}
	return false
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}

func (l *Lab) eventCalls(t table) {
	t.read("EventManager", "QueryEvents", on(l.queryEvents))
	t.write("EventManager", "PostEvent", on(l.postEvent))
	t.write("EventManager", "CreateCollectorForEvents", on(l.createEventCollector))
	t.write("EventHistoryCollector", "ReadNextEvents", on(l.readNextEvents))
	t.write("EventHistoryCollector", "ReadPreviousEvents", on(l.readPreviousEvents))
	t.write("EventHistoryCollector", "RewindCollector", on(l.rewindCollector))
	t.write("EventHistoryCollector", "ResetCollector", on(l.resetCollector))
	t.write("EventHistoryCollector", "SetCollectorPageSize", on(l.setCollectorPageSize))
	t.write("EventHistoryCollector", "DestroyCollector", on(l.destroyCollector))
}

// queryEvents answers oldest first; vCenter gives no more than 1,000.
func (l *Lab) queryEvents(_ *call, r *types.QueryEvents) (any, fault) {
	limit := 1000
	if r.Filter.MaxCount > 0 && int(r.Filter.MaxCount) < limit {
		limit = int(r.Filter.MaxCount)
	}
	out := l.matching(&r.Filter)
	if len(out) > limit {
		out = out[len(out)-limit:]
	}
	return &types.QueryEventsResponse{Returnval: out}, nil
}

func (l *Lab) matching(f *types.EventFilterSpec) []types.BaseEvent {
	var out []types.BaseEvent
	for _, e := range l.events.events {
		if l.eventMatches(e, f) {
			out = append(out, e)
		}
	}
	return out
}

func (l *Lab) postEvent(_ *call, r *types.PostEvent) (any, fault) {
	l.post(r.EventToPost, r.EventToPost.GetEvent().FullFormattedMessage)
	return nil, nil
}

func (l *Lab) createEventCollector(c *call, r *types.CreateCollectorForEvents) (any, fault) {
	e := &eventCollector{filter: r.Filter, size: 10}
	e.Self = c.session.newRef("EventHistoryCollector")
	e.Filter = r.Filter
	if r.Filter.MaxCount > 0 {
		e.size = int(r.Filter.MaxCount)
	}
	e.fill(l)
	e.next = 0 // a new collector reads from the oldest event on, as after RewindCollector
	c.session.put(e.Self, e)
	l.events.collectors[e.Self] = e
	return e.Self, nil
}

// fill sets latestPage, newest first, and puts the cursor at the oldest item of it.
func (e *eventCollector) fill(l *Lab) {
	all := l.matching(&e.filter)
	if len(all) > e.size {
		all = all[len(all)-e.size:]
	}
	e.LatestPage = nil
	for i := len(all) - 1; i >= 0; i-- {
		e.LatestPage = append(e.LatestPage, all[i])
	}
	e.next = int32(l.serial.last()) + 1
	if len(all) > 0 {
		e.next = all[0].GetEvent().Key
	}
}

func (l *Lab) readNextEvents(c *call, r *types.ReadNextEvents) (any, fault) {
	e, ok := c.target.(*eventCollector)
	if !ok || r.MaxCount <= 0 {
		return nil, invalid("maxCount")
	}
	all := l.matching(&e.filter)
	i := sort.Search(len(all), func(i int) bool { return all[i].GetEvent().Key >= e.next })
	all = all[i:]
	if len(all) > int(r.MaxCount) {
		all = all[:r.MaxCount]
	}
	if len(all) > 0 {
		e.next = all[len(all)-1].GetEvent().Key + 1
	}
	return &types.ReadNextEventsResponse{Returnval: all}, nil
}

func (l *Lab) readPreviousEvents(c *call, r *types.ReadPreviousEvents) (any, fault) {
	e, ok := c.target.(*eventCollector)
	if !ok || r.MaxCount <= 0 {
		return nil, invalid("maxCount")
	}
	all := l.matching(&e.filter)
	i := sort.Search(len(all), func(i int) bool { return all[i].GetEvent().Key >= e.next })
	all = all[:i]
	if len(all) > int(r.MaxCount) {
		all = all[len(all)-int(r.MaxCount):]
	}
	out := make([]types.BaseEvent, 0, len(all))
	for j := len(all) - 1; j >= 0; j-- {
		out = append(out, all[j])
	}
	if len(all) > 0 {
		e.next = all[0].GetEvent().Key
	}
	return &types.ReadPreviousEventsResponse{Returnval: out}, nil
}

func (l *Lab) rewindCollector(c *call, _ *types.RewindCollector) (any, fault) {
	if e, ok := c.target.(*eventCollector); ok {
		e.next = 0
	}
	return nil, nil
}

func (l *Lab) resetCollector(c *call, _ *types.ResetCollector) (any, fault) {
	if e, ok := c.target.(*eventCollector); ok {
		e.fill(l)
	}
	return nil, nil
}

func (l *Lab) setCollectorPageSize(c *call, r *types.SetCollectorPageSize) (any, fault) {
	if e, ok := c.target.(*eventCollector); ok && r.MaxCount > 0 {
		e.size = int(r.MaxCount)
		e.fill(l)
	}
	return nil, nil
}

func (l *Lab) destroyCollector(c *call, r *types.DestroyCollector) (any, fault) {
	c.session.drop(r.This)
	delete(l.events.collectors, r.This)
	return nil, nil
}
