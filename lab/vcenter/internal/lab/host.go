package lab

import (
	"fmt"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/types"
)

// outage is why a host does not answer.
type outage string

const (
	crashed  outage = "crash"   // its VMs are dead, their locks have fallen
	isolated outage = "isolate" // its VMs run on and hold their locks
)

// host is an ESXi host: the managed object, and what happened to it.
//
//	connected -> notResponding (fail) -> connected (return)
//	connected -> disconnected (DisconnectHost_Task) -> connected (ReconnectHost_Task)
type host struct {
	lab    *Lab
	hs     *simulator.HostSystem
	outage outage
	// ghosts are VMs the host knows that were unregistered while it was away.
	ghosts []ghost
	// epoch counts outages, so that a late HA restart sees that it is stale.
	epoch int
	// draining counts EnterMaintenanceMode Tasks that wait; nothing is placed here meanwhile.
	draining int
}

// ghost is a VM that only the absent host still knows.
type ghost struct {
	VMX  string `json:"vmx"`
	Name string `json:"name"`
}

func (h *host) isConnected() bool {
	return h.hs.Runtime.ConnectionState == types.HostSystemConnectionStateConnected
}

func (h *host) isUsable() bool {
	return h.isConnected() && !h.hs.Runtime.InMaintenanceMode && h.draining == 0
}

// unreachable is nil while vCenter can talk to the host.
func (h *host) unreachable() fault {
	switch h.hs.Runtime.ConnectionState {
	case types.HostSystemConnectionStateConnected:
		return nil
	case types.HostSystemConnectionStateDisconnected:
		return &types.HostNotConnected{}
	default:
		return &types.HostNotReachable{}
	}
}

func (l *Lab) hostOf(ref moref) *host {
	for _, h := range l.hosts {
		if h.hs.Self == ref {
			return h
		}
	}
	return nil
}

func (l *Lab) hostNamed(name string) *host {
	for _, h := range l.hosts {
		if h.hs.Name == name {
			return h
		}
	}
	return nil
}

func (h *host) event() types.HostEvent {
	arg := func(name string) types.EntityEventArgument { return types.EntityEventArgument{Name: name} }
	return types.HostEvent{Event: types.Event{
		Datacenter:      &types.DatacenterEventArgument{Datacenter: h.lab.dc, EntityEventArgument: arg(dcName)},
		ComputeResource: &types.ComputeResourceEventArgument{ComputeResource: h.lab.cluster, EntityEventArgument: arg(clusterName)},
		Host:            &types.HostEventArgument{Host: h.hs.Self, EntityEventArgument: arg(h.hs.Name)},
	}}
}

func (h *host) say(event types.BaseEvent, format string, args ...any) {
	h.lab.post(event, fmt.Sprintf(h.hs.Name+": "+format, args...))
}

func (h *host) machines() []*machine {
	out := make([]*machine, 0, len(h.hs.Vm))
	for _, ref := range h.hs.Vm {
		if m := h.lab.machines[ref]; m != nil {
			out = append(out, m)
		}
	}
	return out
}

func (h *host) setConnection(state types.HostSystemConnectionState) {
	h.hs.Runtime.ConnectionState = state
	h.hs.OverallStatus = types.ManagedEntityStatusGreen
	if state != types.HostSystemConnectionStateConnected {
		h.hs.OverallStatus = types.ManagedEntityStatusRed
	}
	h.hs.Summary.OverallStatus = h.hs.OverallStatus
	h.hs.Summary.Runtime = &h.hs.Runtime
	h.lab.touch(h.hs.Self, "runtime.connectionState", "summary.runtime.connectionState", "overallStatus", "summary.overallStatus")
	h.lab.finishCluster()
}

// fail makes the host silent.
func (h *host) fail(mode outage) {
	if h.outage == mode || h.outage == crashed {
		return
	}
	h.outage = mode
	h.epoch++
	if mode == crashed {
		for p := range h.lab.processes {
			if p.host == h {
				h.lab.kill(p)
			}
		}
	}
	if h.hs.Runtime.ConnectionState != types.HostSystemConnectionStateNotResponding {
		h.setConnection(types.HostSystemConnectionStateNotResponding)
		h.say(&types.HostConnectionLostEvent{HostEvent: h.event()}, "host is not responding")
	}
	for _, m := range h.machines() {
		if m.vm.Runtime.ConnectionState != types.VirtualMachineConnectionStateDisconnected {
			m.setConnection(types.VirtualMachineConnectionStateDisconnected)
			m.say(&types.VmDisconnectedEvent{VmEvent: m.event()}, "is disconnected")
		}
	}
	h.lab.scheduleRestarts(h)
}

// comeBack ends an outage. A crashed host has booted: what vCenter still shows
// as running on it is off. VMs that vCenter forgot meanwhile appear again,
// unless they are registered elsewhere.
func (h *host) comeBack() {
	if h.isConnected() {
		return
	}
	wasCrashed := h.outage == crashed
	h.outage = ""
	h.epoch++
	h.setConnection(types.HostSystemConnectionStateConnected)
	h.say(&types.HostConnectedEvent{HostEvent: h.event()}, "host is connected")
	for _, m := range h.machines() {
		m.setConnection(types.VirtualMachineConnectionStateConnected)
		m.say(&types.VmConnectedEvent{VmEvent: m.event()}, "is connected")
		if (wasCrashed || m.halted) && m.proc == nil && !m.isOff() {
			m.setPower(types.VirtualMachinePowerStatePoweredOff)
			m.say(&types.VmPoweredOffEvent{VmEvent: m.event()}, "is powered off")
		}
	}
	h.revealGhosts()
	h.measure()
}

func (h *host) revealGhosts() {
	l := h.lab
	for _, g := range h.ghosts {
		p := l.processOf(g.VMX, h)
		m := l.machineByVMX(g.VMX)
		switch {
		case m != nil && p != nil:
			// Registered elsewhere, running here: the running one wins.
			m.proc = p
			m.place(h)
			m.setPower(types.VirtualMachinePowerStatePoweredOn)
			m.say(&types.VmRelocatedEvent{VmRelocateSpecEvent: types.VmRelocateSpecEvent{VmEvent: m.event()},
				SourceHost: *m.event().Host}, "was found running")
		case m == nil:
			l.discover(g, h, p)
		}
	}
	h.ghosts = nil
}

func (l *Lab) processOf(vmx string, h *host) *process {
	for p := range l.processes {
		if p.vmx == vmx && p.host == h {
			return p
		}
	}
	return nil
}

func (l *Lab) machineByVMX(path string) *machine {
	for _, m := range l.machines {
		if m.vmx.String() == path {
			return m
		}
	}
	return nil
}

// discover adds a VM that the host knows and vCenter does not.
func (l *Lab) discover(g ghost, h *host, p *process) {
	f, fault := l.resolve(g.VMX)
	if fault != nil {
		return
	}
	cfg, err := readVMX(f)
	if err != nil {
		return // its files were deleted
	}
	m := l.newMachine(l.newVMRef(), cfg, f, h, l.vmFolder, l.rootPool)
	if p != nil {
		m.proc = p
		m.setPower(types.VirtualMachinePowerStatePoweredOn)
	}
	m.say(&types.VmDiscoveredEvent{VmEvent: m.event()}, "was discovered")
}

func (l *Lab) newVMRef() moref {
	return moref{Type: "VirtualMachine", Value: fmt.Sprintf("vm-%d", l.serial.take())}
}

// measure sums up what the host's running VMs use.
func (h *host) measure() {
	var memory, cpu int32
	for _, m := range h.machines() {
		if m.isOn() {
			memory += m.vm.Config.Hardware.MemoryMB
			cpu += m.vm.Config.Hardware.NumCPU * 50
		}
	}
	q := &h.hs.Summary.QuickStats
	if q.OverallMemoryUsage == memory && q.OverallCpuUsage == cpu {
		return
	}
	q.OverallMemoryUsage, q.OverallCpuUsage = memory, cpu
	h.lab.touch(h.hs.Self, "summary.quickStats")
}

// load is what placement compares: configured memory of VMs that run or will.
func (h *host) load() (running int, memoryMB int32) {
	for _, m := range h.machines() {
		if m.isOn() {
			running++
			memoryMB += m.vm.Config.Hardware.MemoryMB
		}
	}
	return running, memoryMB
}
