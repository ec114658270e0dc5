package main

import (
	"encoding/json"
	"fmt"
	"time"

	"stowage/guest/internal/rootfs"
	"stowage/guest/internal/spec"
	"stowage/guest/internal/tarstream"
)

// parameters of all calls; PROTOCOL.md, "Calls".
type parameters struct {
	Signal         string  `json:"signal"`
	Once           string  `json:"once"`
	TimeoutSeconds float64 `json:"timeoutSeconds"`
	Exec           string  `json:"exec"`
	Rows           uint16  `json:"rows"`
	Cols           uint16  `json:"cols"`
	PSArgs         string  `json:"psArgs"`
	Path           string  `json:"path"`
	Volume         string  `json:"volume"`
	UUID           string  `json:"uuid"`
	Destination    string  `json:"destination"`
	Access         string  `json:"access"`
}

// calls are the methods.
var calls = map[string]func(*machine, parameters) (any, error){
	"state":       func(m *machine, _ parameters) (any, error) { return m.session.standing(), nil },
	"signal":      (*machine).callSignal,
	"stop":        (*machine).callStop,
	"exec-signal": (*machine).callExecSignal,
	"resize":      func(m *machine, p parameters) (any, error) { return nil, m.box.resize(p.Exec, p.Rows, p.Cols) },
	"top":         func(m *machine, p parameters) (any, error) { return m.top(p.PSArgs) },
	"stats":       func(m *machine, _ parameters) (any, error) { return m.stats(), nil },
	"changes": func(m *machine, _ parameters) (any, error) {
		changes, err := m.tree.Changes()
		return map[string]any{"changes": changes}, err
	},
	"stat":    func(_ *machine, p parameters) (any, error) { return tarstream.Stat(rootfs.Root, p.Path) },
	"mount":   (*machine).callMount,
	"unmount": func(m *machine, p parameters) (any, error) { return nil, m.mounts.remove(m.tree, p.UUID) },
}

// isCallAlways: the others need a running container.
func isCallAlways(method string) bool { return method == "state" }

func (m *machine) call(method string, raw json.RawMessage) (any, error) {
	call, is := calls[method]
	if !is {
		return nil, invalid(fmt.Sprintf("no call is %q", method))
	}
	var p parameters
	if len(raw) > 0 {
		if err := json.Unmarshal(raw, &p); err != nil {
			return nil, invalid("params: " + err.Error())
		}
	}
	if !isCallAlways(method) && m.session.standing().State != "running" {
		return nil, conflict("the container is not running")
	}
	return call(m, p)
}

func (m *machine) callSignal(p parameters) (any, error) {
	sig, err := parseSignal(p.Signal)
	if err != nil {
		return nil, err
	}
	if !m.box.isFirst(p.Once) {
		return nil, nil
	}
	return nil, m.box.signal(sig)
}

func (m *machine) callStop(p parameters) (any, error) {
	name := p.Signal
	if name == "" {
		name = m.box.spec.StopSignal
	}
	if name == "" {
		name = "TERM"
	}
	sig, err := parseSignal(name)
	if err != nil {
		return nil, err
	}
	return nil, m.box.stop(sig, time.Duration(p.TimeoutSeconds*float64(time.Second)), p.TimeoutSeconds < 0)
}

func (m *machine) callExecSignal(p parameters) (any, error) {
	sig, err := parseSignal(p.Signal)
	if err != nil {
		return nil, err
	}
	m.box.mu.Lock()
	started := m.box.execs[p.Exec]
	m.box.mu.Unlock()
	if started == nil || started.Kill(sig) != nil {
		return nil, notFound("no such exec: " + p.Exec)
	}
	return nil, nil
}

func (m *machine) callMount(p parameters) (any, error) {
	mount := spec.Mount{Volume: p.Volume, Destination: p.Destination, Access: p.Access}
	return nil, m.mounts.add(m.tree, mount, spec.Volume{UUID: p.UUID, Access: p.Access})
}
