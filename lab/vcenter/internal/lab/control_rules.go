package lab

import (
	"net/http"
	"strings"
	"time"

	"stowage/lab/vcenter/internal/wire"
)

type delaySpec struct {
	Method string `json:"method"`
	Ms     int    `json:"ms"`
}

func (l *Lab) ruleControls() []control {
	b := l.rules
	out := []control{
		{"POST /lab/reset", "forget every fault, drop and latency", func(*http.Request) (any, error) {
			b.reset()
			return nil, nil
		}},
		{"POST /lab/sessions/drop", "make all sessions invalid", func(*http.Request) (any, error) {
			all := l.sessions.all()
			l.mu.Lock()
			defer l.mu.Unlock()
			for _, s := range all {
				l.endSession(s)
			}
			return map[string]int{"dropped": len(all)}, nil
		}},
	}
	out = append(out, delayControls(b, "latency", "delay of a SOAP call: method (or *), ms", &b.delays)...)
	out = append(out, delayControls(b, "task-latency", "how long a Task runs before it takes effect: method (or *), ms", &b.taskFor)...)
	out = append(out, listControls(b, "faults", "inject a fault: method, fault, count, when, as, match", &b.faults, checkFault)...)
	out = append(out, listControls(b, "drops", "close the connection without an answer: method, count, when, match", &b.drops, checkMethod)...)
	out = append(out, listControls(b, "http-faults", "fail /folder requests: path, verb, status, when, count", &b.folder, checkFolder)...)
	return out
}

func delayControls(b *ruleBook, name, about string, m *map[string]time.Duration) []control {
	path := "/lab/" + name
	return []control{
		{"GET " + path, about, func(*http.Request) (any, error) { return b.delaysMs(m), nil }},
		{"POST " + path, about, func(r *http.Request) (any, error) {
			d := delaySpec{Method: "*"}
			if err := read(r, &d); err != nil {
				return nil, err
			}
			b.setDelay(m, d.Method, max(d.Ms, 0))
			return b.delaysMs(m), nil
		}},
		{"DELETE " + path, "clear all, or ?method=", func(r *http.Request) (any, error) {
			b.setDelay(m, r.URL.Query().Get("method"), -1)
			return b.delaysMs(m), nil
		}},
		{"DELETE " + path + "/{method}", "clear one", func(r *http.Request) (any, error) {
			b.setDelay(m, r.PathValue("method"), 0)
			return b.delaysMs(m), nil
		}},
	}
}

func listControls(b *ruleBook, name, about string, list *[]*rule, check func(*rule) error) []control {
	path := "/lab/" + name
	return []control{
		{"GET " + path, "list them, with what is left of each", func(*http.Request) (any, error) { return b.list(list), nil }},
		{"POST " + path, about, func(r *http.Request) (any, error) {
			spec := &rule{}
			if err := read(r, spec); err != nil {
				return nil, err
			}
			if spec.When != "" && spec.When != before && spec.When != after {
				return nil, badRequest("when is before or after")
			}
			if err := check(spec); err != nil {
				return nil, err
			}
			return map[string]string{"id": b.add(list, spec).ID}, nil
		}},
		{"DELETE " + path, "remove all", func(*http.Request) (any, error) {
			b.remove(list, "")
			return nil, nil
		}},
		{"DELETE " + path + "/{id}", "remove one", func(r *http.Request) (any, error) {
			b.remove(list, r.PathValue("id"))
			return nil, nil
		}},
	}
}

func checkMethod(r *rule) error {
	if r.Method == "" {
		return badRequest("method is missing")
	}
	if _, ok := wire.Type(r.Method); !ok && r.Method != "*" {
		return badRequest("no such method: " + r.Method)
	}
	return nil
}

func checkFault(r *rule) error {
	if err := checkMethod(r); err != nil {
		return err
	}
	if faultNamed(r.Fault, "") == nil {
		return badRequest("no such fault: " + r.Fault)
	}
	if r.As != "" && r.As != "fault" && r.As != "task" {
		return badRequest("as is fault or task")
	}
	if r.As == "task" && !strings.HasSuffix(r.Method, "_Task") && r.Method != "*" {
		return badRequest(r.Method + " makes no Task")
	}
	return nil
}

func checkFolder(r *rule) error {
	switch s := r.Status.(type) {
	case float64:
		if s < 100 || s > 599 {
			return badRequest("status out of range")
		}
	case string:
		if s != "drop" {
			return badRequest(`status is a number or "drop"`)
		}
	default:
		return badRequest("status is missing")
	}
	return nil
}
