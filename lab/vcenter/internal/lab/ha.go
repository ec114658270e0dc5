package lab

import (
	"fmt"
	"time"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/types"
)

// haSettings is vSphere HA: whether it restarts VMs, and how long it takes.
type haSettings struct {
	Enabled bool
	Delay   time.Duration
}

func (l *Lab) haEnabled() bool {
	c := l.reg.Get(l.cluster).(*simulator.ClusterComputeResource)
	cfg := c.ConfigurationEx.(*types.ClusterConfigInfoEx)
	return cfg.DasConfig.Enabled != nil && *cfg.DasConfig.Enabled
}

func (l *Lab) setHA(enabled bool) {
	c := l.reg.Get(l.cluster).(*simulator.ClusterComputeResource)
	old := c.ConfigurationEx.(*types.ClusterConfigInfoEx)
	cfg := *old
	cfg.DasConfig.Enabled = &enabled
	c.ConfigurationEx = &cfg
	l.ha.Enabled = enabled
	l.touch(l.cluster, "configurationEx", "configuration")
}

func (l *Lab) drsEnabled() bool {
	c := l.reg.Get(l.cluster).(*simulator.ClusterComputeResource)
	cfg := c.ConfigurationEx.(*types.ClusterConfigInfoEx)
	return cfg.DrsConfig.Enabled != nil && *cfg.DrsConfig.Enabled
}

// scheduleRestarts lets HA bring the running VMs of a failed host up elsewhere,
// after its delay. Lab.mu is held.
func (l *Lab) scheduleRestarts(h *host) {
	if !l.haEnabled() {
		return
	}
	var waiting []moref
	for _, m := range h.machines() {
		if m.isOn() {
			waiting = append(waiting, m.ref())
		}
	}
	epoch, delay, pause := h.epoch, l.ha.Delay, max(l.ha.Delay, haPause)
	go func() {
		for attempt := 0; attempt < haAttempts && len(waiting) > 0; attempt++ {
			if !sleep(delay, l.closed) {
				return
			}
			waiting = l.restartAll(h, epoch, waiting, attempt == 0)
			delay = pause
		}
	}()
}

// HA tries again for a while: a lock may fall, a host may come back.
const (
	haAttempts = 60
	haPause    = 500 * time.Millisecond
)

// restartAll attempts each VM once and returns those that are still down.
func (l *Lab) restartAll(h *host, epoch int, waiting []moref, first bool) []moref {
	l.mu.Lock()
	defer l.mu.Unlock()
	var left []moref
	for _, ref := range waiting {
		if h.epoch != epoch || !l.haEnabled() {
			return nil // the host is back
		}
		if m := l.machines[ref]; m != nil && m.host == h && m.isOn() && !m.halted && !l.restart(m, h, first) {
			left = append(left, ref)
		}
	}
	return left
}

// restart is one HA attempt. A VM that still runs on an isolated host holds its
// locks, so its attempt fails and nothing changes. Only the first failure is told.
func (l *Lab) restart(m *machine, from *host, first bool) bool {
	failed := func(why fault) bool {
		if first {
			e := &types.VmFailoverFailed{VmEvent: m.event()}
			e.Reason = &types.LocalizedMethodFault{Fault: why, LocalizedMessage: messageOf(why)}
			m.say(e, "vSphere HA could not restart it: %s", messageOf(why))
		}
		return false
	}
	to := l.bestHost(from)
	if to == nil {
		return failed(&types.NoCompatibleHost{})
	}
	if f := l.spawn(m, to); f != nil {
		return failed(f)
	}
	source := from.event().Host
	m.place(to)
	m.setConnection(types.VirtualMachineConnectionStateConnected)
	m.setPower(types.VirtualMachinePowerStatePoweredOn)
	m.say(&types.VmRestartedOnAlternateHostEvent{
		VmPoweredOnEvent: types.VmPoweredOnEvent{VmEvent: m.event()}, SourceHost: *source,
	}, "was restarted by vSphere HA since %s failed", from.hs.Name)
	return true
}

func (l *Lab) clusterCalls(t table) {
	const c = "ClusterComputeResource"
	t.write(c, "ReconfigureComputeResource_Task", on(l.reconfigureCluster))
	t.read(c, "PlaceVm", on(l.placeVM))
	t.write("Datacenter", "PowerOnMultiVM_Task", on(l.powerOnMulti))
	t.read(c, "RecommendHostsForVm", on(l.recommendHosts))
	t.deny(c, "AddHost_Task", func(*call) fault { return &types.NotSupported{} })
	t.deny(c, "Destroy_Task", func(*call) fault { return &types.NotSupported{} })
}

// reconfigureCluster takes HA's and DRS's switches from the spec.
func (l *Lab) reconfigureCluster(c *call, r *types.ReconfigureComputeResource_Task) (any, fault) {
	return l.start(c, r.This, func(*task) (any, fault) {
		spec, ok := r.Spec.(*types.ClusterConfigSpecEx)
		if !ok {
			return nil, invalid("spec")
		}
		if d := spec.DasConfig; d != nil && d.Enabled != nil {
			l.setHA(*d.Enabled)
		}
		if d := spec.DrsConfig; d != nil && d.Enabled != nil {
			cluster := l.reg.Get(l.cluster).(*simulator.ClusterComputeResource)
			cfg := *cluster.ConfigurationEx.(*types.ClusterConfigInfoEx)
			cfg.DrsConfig.Enabled = d.Enabled
			cluster.ConfigurationEx = &cfg
			l.touch(l.cluster, "configurationEx")
		}
		l.post(&types.ClusterReconfiguredEvent{ClusterEvent: types.ClusterEvent{Event: types.Event{
			ComputeResource: &types.ComputeResourceEventArgument{ComputeResource: l.cluster,
				EntityEventArgument: types.EntityEventArgument{Name: clusterName}},
		}}}, fmt.Sprintf("%s was reconfigured", clusterName))
		return nil, nil
	})
}
