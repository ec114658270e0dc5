package lab

import (
	"fmt"
	"net/http"
	"reflect"
	"time"
)

func typeName(v any) string { return reflect.TypeOf(v).String() }

func (l *Lab) worldControls() []control {
	return []control{
		{"POST /lab/hosts/{name}/fail", "mode: crash (locks fall) or isolate (VMs run on, locks held)", l.controlFail},
		{"POST /lab/hosts/{name}/return", "the host answers again", l.controlReturn},
		{"POST /lab/hosts/{name}/maintenance", "enter: true or false", l.controlMaintenance},
		{"POST /lab/ha", "vSphere HA: enabled, delayMs", l.controlHA},
		{"POST /lab/vms", "add idle VMs: count, prefix, poweredOn", l.controlAddVMs},
		{"POST /lab/vms/{name}/power", "power a VM from outside: on", l.controlPower},
		{"POST /lab/storage/move", "Storage DRS moves a disk: disk, datastore", l.controlMove},
	}
}

func (l *Lab) controlHost(r *http.Request) (*host, error) {
	h := l.hostNamed(r.PathValue("name"))
	if h == nil {
		return nil, notFound("no such host: " + r.PathValue("name"))
	}
	return h, nil
}

func (l *Lab) controlFail(r *http.Request) (any, error) {
	in := struct {
		Mode outage `json:"mode"`
	}{crashed}
	if err := read(r, &in); err != nil {
		return nil, err
	}
	if in.Mode != crashed && in.Mode != isolated {
		return nil, badRequest("mode is crash or isolate")
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	h, err := l.controlHost(r)
	if err != nil {
		return nil, err
	}
	h.fail(in.Mode)
	return h.report(), nil
}

func (l *Lab) controlReturn(r *http.Request) (any, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	h, err := l.controlHost(r)
	if err != nil {
		return nil, err
	}
	h.comeBack()
	return h.report(), nil
}

func (l *Lab) controlMaintenance(r *http.Request) (any, error) {
	in := struct {
		Enter bool `json:"enter"`
	}{}
	if err := read(r, &in); err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	h, err := l.controlHost(r)
	if err != nil {
		return nil, err
	}
	if h.hs.Runtime.InMaintenanceMode != in.Enter {
		var f fault
		if in.Enter {
			f = l.drain(h, nil, 5*time.Second)
		} else {
			f = l.exitMaintenance(h)
		}
		if f != nil {
			return nil, asError(f)
		}
	}
	return h.report(), nil
}

func (l *Lab) controlHA(r *http.Request) (any, error) {
	in := struct {
		Enabled *bool  `json:"enabled"`
		DelayMs *int64 `json:"delayMs"`
	}{}
	if err := read(r, &in); err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if in.Enabled != nil {
		l.setHA(*in.Enabled)
	}
	if in.DelayMs != nil {
		l.ha.Delay = time.Duration(*in.DelayMs) * time.Millisecond
	}
	l.saver.wake()
	return map[string]any{"enabled": l.haEnabled(), "delayMs": l.ha.Delay.Milliseconds()}, nil
}

func (l *Lab) controlAddVMs(r *http.Request) (any, error) {
	in := struct {
		Count     int    `json:"count"`
		Prefix    string `json:"prefix"`
		PoweredOn bool   `json:"poweredOn"`
	}{Count: 1, Prefix: "vm"}
	if err := read(r, &in); err != nil {
		return nil, err
	}
	if in.Count < 1 || in.Count > 5000 {
		return nil, badRequest("count is 1 to 5000")
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	out := []machineReport{}
	for n := 1; len(out) < in.Count; n++ {
		name := fmt.Sprintf("%s-%d", in.Prefix, n)
		if l.checkName(l.vmFolder, name) != nil {
			continue
		}
		m, f := l.addMachine(name, in.PoweredOn)
		if f != nil {
			return nil, asError(f)
		}
		out = append(out, m.report())
	}
	return out, nil
}

func (l *Lab) machineNamed(name string) (*machine, error) {
	for _, m := range l.machines {
		if m.vm.Name == name || m.ref().Value == name {
			return m, nil
		}
	}
	return nil, notFound("no such VM: " + name)
}

func (l *Lab) controlPower(r *http.Request) (any, error) {
	in := struct {
		On bool `json:"on"`
	}{}
	if err := read(r, &in); err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	m, err := l.machineNamed(r.PathValue("name"))
	if err != nil {
		return nil, err
	}
	f := m.unreachable()
	switch {
	case f != nil:
	case in.On && !m.isOn():
		f = l.powerOn(m)
	case !in.On && !m.isOff():
		f = l.powerOff(m)
	}
	if f != nil {
		return nil, asError(f)
	}
	return m.report(), nil
}

func (l *Lab) controlMove(r *http.Request) (any, error) {
	in := struct {
		Disk      string `json:"disk"`
		Datastore string `json:"datastore"`
	}{}
	if err := read(r, &in); err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	to := l.datastoreNamed(in.Datastore)
	if to == nil {
		return nil, notFound("no such datastore: " + in.Datastore)
	}
	moved, f := l.migrateStorage(in.Disk, to)
	if f != nil {
		return nil, asError(f)
	}
	return map[string]string{"disk": moved}, nil
}
