package lab

import (
	"errors"
	"net/http"

	hypervisor "stowage/lab/vcenter/internal/host"
)

func (l *Lab) guestControls() []control {
	return []control{
		{"GET /lab/guests", "QEMUs that run or wait for their boot", l.locked(l.reportGuests)},
		{"POST /lab/vms/{name}/kill", "kill -9 of a VM's QEMU: it alone loses power", l.controlKill},
	}
}

func (l *Lab) reportGuests(*http.Request) any {
	if l.runner == nil {
		return []hypervisor.Report{}
	}
	out := l.runner.Guests()
	for i := range out {
		for p := range l.processes {
			if p.guest != nil && p.guest.Moid() == out[i].Moid {
				out[i].Host = p.host.hs.Name
			}
		}
	}
	return out
}

func (l *Lab) controlKill(r *http.Request) (any, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	m, err := l.machineNamed(r.PathValue("name"))
	if err != nil {
		return nil, err
	}
	g := m.guest()
	if g == nil {
		return nil, errors.New(m.vm.Name + " has no QEMU")
	}
	g.Crash()
	l.awaitEnd(g)
	return nil, nil
}
