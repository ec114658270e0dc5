package lab

import (
	"fmt"
	"strings"
	"sync"
	"time"
)

// moment is when a rule strikes: before or after the call took effect.
type moment string

const (
	before moment = "before"
	after  moment = "after"
)

// rule is one injected fault, dropped connection or /folder failure.
type rule struct {
	ID     string `json:"id"`
	Method string `json:"method,omitempty"`
	Fault  string `json:"fault,omitempty"`
	Count  int    `json:"count"` // what is left; -1 for ever
	When   moment `json:"when"`
	As     string `json:"as,omitempty"` // "fault" or "task"
	Match  string `json:"match,omitempty"`
	Path   string `json:"path,omitempty"`
	Verb   string `json:"verb,omitempty"`
	Status any    `json:"status,omitempty"` // HTTP status, or "drop"
}

func (r *rule) fits(method string, when moment, body string) bool {
	return r.Count != 0 && r.When == when && (r.Method == method || r.Method == "*") &&
		(r.Match == "" || strings.Contains(body, r.Match))
}

func (r *rule) spend() {
	if r.Count > 0 {
		r.Count--
	}
}

// ruleBook holds what tests have set.
type ruleBook struct {
	mu      sync.Mutex
	n       int
	faults  []*rule
	drops   []*rule
	folder  []*rule
	delays  map[string]time.Duration
	taskFor map[string]time.Duration
}

func newRuleBook() *ruleBook {
	b := &ruleBook{}
	b.reset()
	return b
}

func (b *ruleBook) reset() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.faults, b.drops, b.folder = nil, nil, nil
	b.delays, b.taskFor = map[string]time.Duration{}, map[string]time.Duration{}
}

func (b *ruleBook) add(list *[]*rule, r *rule) *rule {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.n++
	r.ID = fmt.Sprint(b.n)
	if r.Count == 0 {
		r.Count = 1
	}
	if r.When == "" {
		r.When = before
	}
	if r.As == "" && r.Fault != "" {
		r.As = "fault"
		if strings.HasSuffix(r.Method, "_Task") {
			r.As = "task"
		}
	}
	*list = append(*list, r)
	return r
}

func (b *ruleBook) remove(list *[]*rule, id string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	var kept []*rule
	for _, r := range *list {
		if id != "" && r.ID != id {
			kept = append(kept, r)
		}
	}
	*list = kept
}

func (b *ruleBook) list(list *[]*rule) []rule {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := []rule{}
	for _, r := range *list {
		out = append(out, *r)
	}
	return out
}

// takeFault consumes a fault rule for this moment, if there is one.
func (b *ruleBook) takeFault(method string, when moment, inTask bool, body string) fault {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, r := range b.faults {
		if (r.As == "task") == inTask && r.fits(method, when, body) {
			r.spend()
			return faultNamed(r.Fault, body)
		}
	}
	return nil
}

func (b *ruleBook) takeDrop(method string, when moment, body string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, r := range b.drops {
		if r.fits(method, when, body) {
			r.spend()
			return true
		}
	}
	return false
}

// takeFolder consumes a rule for the /folder face.
func (b *ruleBook) takeFolder(path, verb string, when moment) any {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, r := range b.folder {
		if r.Count != 0 && r.When == when && strings.Contains(path, r.Path) && (r.Verb == "" || r.Verb == "*" || r.Verb == verb) {
			r.spend()
			return r.Status
		}
	}
	return nil
}

func pick(m map[string]time.Duration, method string) time.Duration {
	if d, ok := m[method]; ok {
		return d
	}
	return m["*"]
}

func (b *ruleBook) latency(method string) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	return pick(b.delays, method)
}

func (b *ruleBook) taskLatency(method string) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	return pick(b.taskFor, method)
}

// setDelay changes one method's delay; ms < 0 clears it, or all when method is empty.
func (b *ruleBook) setDelay(m *map[string]time.Duration, method string, ms int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case ms < 0 && method == "":
		*m = map[string]time.Duration{}
	case ms <= 0:
		delete(*m, method)
	default:
		(*m)[method] = time.Duration(ms) * time.Millisecond
	}
}

func (b *ruleBook) delaysMs(m *map[string]time.Duration) map[string]int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := map[string]int64{}
	for k, d := range *m {
		out[k] = d.Milliseconds()
	}
	return out
}
