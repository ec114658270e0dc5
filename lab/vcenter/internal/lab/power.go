package lab

import (
	"github.com/vmware/govmomi/vim25/types"
)

func (l *Lab) powerCalls(t table) {
	const m = "VirtualMachine"
	t.write(m, "PowerOnVM_Task", on(func(c *call, r *types.PowerOnVM_Task) (any, fault) {
		return l.onMachine(c, func(m *machine) fault { return l.powerOnAt(m, r.Host) })
	}))
	t.write(m, "PowerOffVM_Task", on(func(c *call, _ *types.PowerOffVM_Task) (any, fault) {
		return l.onMachine(c, l.powerOff)
	}))
	t.write(m, "SuspendVM_Task", on(func(c *call, _ *types.SuspendVM_Task) (any, fault) {
		return l.onMachine(c, l.suspend)
	}))
	t.write(m, "ResetVM_Task", on(func(c *call, _ *types.ResetVM_Task) (any, fault) {
		return l.onMachine(c, l.resetMachine)
	}))
	t.write(m, "ShutdownGuest", on(func(c *call, r *types.ShutdownGuest) (any, fault) { return nil, &types.ToolsUnavailable{} }))
	t.write(m, "RebootGuest", on(func(c *call, r *types.RebootGuest) (any, fault) { return nil, &types.ToolsUnavailable{} }))
	t.write(m, "StandbyGuest", on(func(c *call, r *types.StandbyGuest) (any, fault) { return nil, &types.ToolsUnavailable{} }))
}

// onMachine starts a Task on the VM a call names.
func (l *Lab) onMachine(c *call, do func(*machine) fault) (any, fault) {
	m, f := l.machineOf(c.method.This)
	if f != nil {
		return nil, f
	}
	return l.start(c, m.ref(), func(*task) (any, fault) {
		if l.machines[m.ref()] != m {
			return nil, &types.ManagedObjectNotFound{Obj: m.ref()}
		}
		if f := m.unreachable(); f != nil {
			return nil, f
		}
		return nil, do(m)
	})
}

func (m *machine) wrongPower(want types.VirtualMachinePowerState) fault {
	return &types.InvalidPowerState{RequestedState: want, ExistingState: m.vm.Runtime.PowerState}
}

// powerOnAt powers on, on the given host if one is named.
func (l *Lab) powerOnAt(m *machine, ref *moref) fault {
	if ref != nil && *ref != m.host.hs.Self {
		h := l.hostOf(*ref)
		switch {
		case h == nil:
			return &types.ManagedObjectNotFound{Obj: *ref}
		case !h.isUsable():
			return &types.InvalidHostConnectionState{InvalidHostState: types.InvalidHostState{Host: ref}}
		case !m.isOff():
			return m.wrongPower(types.VirtualMachinePowerStatePoweredOn)
		}
		m.place(h)
	}
	return l.powerOn(m)
}

func (l *Lab) powerOn(m *machine) fault {
	defer l.seize(m)()
	if l.machines[m.ref()] != m {
		return &types.ManagedObjectNotFound{Obj: m.ref()}
	}
	if m.isOn() {
		return m.wrongPower(types.VirtualMachinePowerStatePoweredOn)
	}
	if m.vm.Config.Template {
		return &types.InvalidState{}
	}
	if m.host.hs.Runtime.InMaintenanceMode {
		h := l.bestHost(nil)
		if h == nil || !l.drsEnabled() {
			return &types.InvalidState{}
		}
		m.place(h)
	}
	m.say(&types.VmStartingEvent{VmEvent: m.event()}, "is starting")
	if m.proc == nil {
		if f := l.spawn(m, m.host); f != nil {
			m.say(&types.VmFailedToPowerOnEvent{VmEvent: m.event(), Reason: types.LocalizedMethodFault{Fault: f, LocalizedMessage: messageOf(f)}},
				"cannot power on: %s", messageOf(f))
			return f
		}
	} else if g := m.guest(); g != nil {
		if f := l.command(m, g.Resume); f != nil {
			return f
		}
	}
	m.setPower(types.VirtualMachinePowerStatePoweredOn)
	m.say(&types.VmPoweredOnEvent{VmEvent: m.event()}, "is powered on")
	return nil
}

func (l *Lab) powerOff(m *machine) fault {
	if m.isOff() {
		return m.wrongPower(types.VirtualMachinePowerStatePoweredOff)
	}
	g := m.guest()
	l.kill(m.proc)
	m.setPower(types.VirtualMachinePowerStatePoweredOff)
	m.say(&types.VmPoweredOffEvent{VmEvent: m.event()}, "is powered off")
	l.awaitEnd(g)
	return nil
}

func (l *Lab) suspend(m *machine) fault {
	defer l.seize(m)()
	if !m.isOn() {
		return m.wrongPower(types.VirtualMachinePowerStateSuspended)
	}
	if g := m.guest(); g != nil {
		if f := l.command(m, g.Suspend); f != nil {
			return f
		}
	}
	m.setPower(types.VirtualMachinePowerStateSuspended)
	m.say(&types.VmSuspendedEvent{VmEvent: m.event()}, "is suspended")
	return nil
}

func (l *Lab) resetMachine(m *machine) fault {
	defer l.seize(m)()
	if !m.isOn() {
		return m.wrongPower(types.VirtualMachinePowerStatePoweredOn)
	}
	if g := m.guest(); g != nil {
		if f := l.command(m, g.Reset); f != nil {
			return f
		}
	}
	m.setPower(types.VirtualMachinePowerStatePoweredOn)
	m.say(&types.VmResettingEvent{VmEvent: m.event()}, "was reset")
	return nil
}
