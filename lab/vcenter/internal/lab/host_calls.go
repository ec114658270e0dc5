package lab

import (
	"time"

	"github.com/vmware/govmomi/vim25/types"
)

func (l *Lab) hostCalls(t table) {
	const h = "HostSystem"
	t.write(h, "DisconnectHost_Task", on(func(c *call, r *types.DisconnectHost_Task) (any, fault) {
		return l.onHost(c, l.disconnect)
	}))
	t.write(h, "ReconnectHost_Task", on(func(c *call, r *types.ReconnectHost_Task) (any, fault) {
		return l.onHost(c, l.reconnect)
	}))
	t.write(h, "EnterMaintenanceMode_Task", on(func(c *call, r *types.EnterMaintenanceMode_Task) (any, fault) {
		return l.enterMaintenance(c, time.Duration(r.Timeout)*time.Second)
	}))
	t.write(h, "ExitMaintenanceMode_Task", on(func(c *call, r *types.ExitMaintenanceMode_Task) (any, fault) {
		return l.onHost(c, l.exitMaintenance)
	}))
	for _, name := range []string{"Destroy_Task", "ShutdownHost_Task", "RebootHost_Task", "PowerDownHostToStandBy_Task"} {
		t.deny(h, name, func(*call) fault { return &types.NotSupported{} })
	}
}

func (l *Lab) onHost(c *call, do func(*host) fault) (any, fault) {
	h := l.hostOf(c.method.This)
	if h == nil {
		return nil, &types.ManagedObjectNotFound{Obj: c.method.This}
	}
	return l.start(c, h.hs.Self, func(*task) (any, fault) { return nil, do(h) })
}

// disconnect is an administrator's doing: VMs run on and keep their locks.
func (l *Lab) disconnect(h *host) fault {
	if h.hs.Runtime.ConnectionState == types.HostSystemConnectionStateDisconnected {
		return &types.InvalidState{}
	}
	h.epoch++
	h.setConnection(types.HostSystemConnectionStateDisconnected)
	h.say(&types.HostDisconnectedEvent{HostEvent: h.event(), Reason: "user"}, "host was disconnected")
	for _, m := range h.machines() {
		m.setConnection(types.VirtualMachineConnectionStateDisconnected)
		m.say(&types.VmDisconnectedEvent{VmEvent: m.event()}, "is disconnected")
	}
	return nil
}

func (l *Lab) reconnect(h *host) fault {
	switch {
	case h.isConnected():
		return &types.InvalidState{}
	case h.outage != "":
		h.say(&types.HostReconnectionFailedEvent{HostEvent: h.event()}, "host cannot be reached")
		return &types.HostNotReachable{}
	}
	h.comeBack()
	return nil
}

// enterMaintenance waits until nothing runs on the host: DRS moves the VMs
// away; without it somebody has to, before the timeout.
func (l *Lab) enterMaintenance(c *call, timeout time.Duration) (any, fault) {
	h := l.hostOf(c.method.This)
	if h == nil {
		return nil, &types.ManagedObjectNotFound{Obj: c.method.This}
	}
	result, f := l.start(c, h.hs.Self, func(t *task) (any, fault) { return nil, l.drain(h, t, timeout) })
	return result, f
}

func (l *Lab) drain(h *host, t *task, timeout time.Duration) fault {
	if f := h.unreachable(); f != nil {
		return f
	}
	if h.hs.Runtime.InMaintenanceMode {
		return &types.InvalidState{}
	}
	h.say(&types.EnteringMaintenanceModeEvent{HostEvent: h.event()}, "is entering maintenance mode")
	if t != nil {
		t.Info.Cancelable = true
	}
	h.draining++
	defer func() { h.draining-- }()
	deadline := time.Now().Add(timeout)
	for {
		if f := h.unreachable(); f != nil {
			return f
		}
		if l.drsEnabled() {
			for _, m := range h.machines() {
				if to := l.bestHost(h); m.isOn() && to != nil {
					l.migrate(m, to)
				}
			}
		}
		if !h.hasRunning() {
			break
		}
		if timeout > 0 && time.Now().After(deadline) {
			return &types.Timedout{}
		}
		if t != nil {
			select {
			case <-t.cancel:
				h.say(&types.CanceledHostOperationEvent{HostEvent: h.event()}, "maintenance mode was cancelled")
				return &types.RequestCanceled{}
			case <-l.closed:
				return &types.RequestCanceled{}
			default:
			}
		}
		l.outside(func() { time.Sleep(20 * time.Millisecond) })
	}
	l.setMaintenance(h, true)
	h.say(&types.EnteredMaintenanceModeEvent{HostEvent: h.event()}, "has entered maintenance mode")
	return nil
}

func (h *host) hasRunning() bool {
	for _, m := range h.machines() {
		if !m.isOff() {
			return true
		}
	}
	return false
}

func (l *Lab) setMaintenance(h *host, in bool) {
	h.hs.Runtime.InMaintenanceMode = in
	h.hs.Summary.Runtime = &h.hs.Runtime
	l.touch(h.hs.Self, "runtime.inMaintenanceMode", "summary.runtime.inMaintenanceMode")
	l.finishCluster()
}

func (l *Lab) exitMaintenance(h *host) fault {
	if f := h.unreachable(); f != nil {
		return f
	}
	if !h.hs.Runtime.InMaintenanceMode {
		return &types.InvalidState{}
	}
	l.setMaintenance(h, false)
	h.say(&types.ExitMaintenanceModeEvent{HostEvent: h.event()}, "has left maintenance mode")
	return nil
}
