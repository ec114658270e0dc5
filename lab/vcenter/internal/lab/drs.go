package lab

import (
	"fmt"
	"sort"
	"time"

	"github.com/vmware/govmomi/vim25/types"
)

// rankedHosts lists usable hosts, least loaded first; ties go by name.
func (l *Lab) rankedHosts(not *host) []*host {
	var out []*host
	for _, h := range l.hosts {
		if h != not && h.isUsable() {
			out = append(out, h)
		}
	}
	loads := map[*host][2]int32{}
	for _, h := range out {
		running, memory := h.load()
		loads[h] = [2]int32{memory, int32(running)}
	}
	sort.SliceStable(out, func(i, j int) bool {
		a, b := loads[out[i]], loads[out[j]]
		if a[0] != b[0] {
			return a[0] < b[0]
		}
		return len(out[i].hs.Vm) < len(out[j].hs.Vm)
	})
	return out
}

func (l *Lab) bestHost(not *host) *host {
	if ranked := l.rankedHosts(not); len(ranked) > 0 {
		return ranked[0]
	}
	return nil
}

// among keeps the hosts a caller allows; none named means all.
func among(hosts []*host, allowed []moref) []*host {
	if len(allowed) == 0 {
		return hosts
	}
	var out []*host
	for _, h := range hosts {
		if hasRef(allowed, h.hs.Self) {
			out = append(out, h)
		}
	}
	return out
}

func (l *Lab) placeVM(_ *call, r *types.PlaceVm) (any, fault) {
	s := r.PlacementSpec
	if s.Vm == nil && s.ConfigSpec == nil {
		return nil, invalid("placementSpec.configSpec")
	}
	if s.Vm != nil && l.machines[*s.Vm] == nil {
		return nil, &types.ManagedObjectNotFound{Obj: *s.Vm}
	}
	for _, ref := range s.Hosts {
		if l.hostOf(ref) == nil {
			return nil, &types.ManagedObjectNotFound{Obj: ref}
		}
	}
	out := types.PlacementResult{}
	ds := l.placementDatastore(s.Datastores)
	for i, h := range among(l.rankedHosts(nil), s.Hosts) {
		action := &types.PlacementAction{
			ClusterAction: types.ClusterAction{Type: "PlacementV1", Target: &h.hs.Self},
			Vm:            s.Vm, TargetHost: &h.hs.Self,
			RelocateSpec: &types.VirtualMachineRelocateSpec{Host: &h.hs.Self, Pool: &l.rootPool, Datastore: ds},
		}
		out.Recommendations = append(out.Recommendations, types.ClusterRecommendation{
			Key: fmt.Sprint(i + 1), Type: "V1", Time: time.Now(), Rating: int32(max(5-i, 1)), Reason: "xvmotionPlacement",
			ReasonText: "Placement", Action: []types.BaseClusterAction{action}, Target: &h.hs.Self,
		})
	}
	if len(out.Recommendations) == 0 {
		out.DrsFault = &types.ClusterDrsFaults{Reason: "placement", FaultsByVm: []types.BaseClusterDrsFaultsFaultsByVm{
			&types.ClusterDrsFaultsFaultsByVm{Vm: s.Vm, Fault: []types.LocalizedMethodFault{
				{Fault: &types.NoCompatibleHost{}, LocalizedMessage: "No compatible host"},
			}},
		}}
	}
	return out, nil
}

// placementDatastore is the one with most free space among those allowed.
func (l *Lab) placementDatastore(allowed []moref) *moref {
	var best *datastore
	for _, d := range l.datastores {
		if len(allowed) > 0 && !hasRef(allowed, d.ds.Self) || d.ds.Summary.Type == "NFS" && len(allowed) == 0 {
			continue
		}
		if best == nil || d.free() > best.free() {
			best = d
		}
	}
	if best == nil {
		return nil
	}
	return &best.ds.Self
}

func (l *Lab) recommendHosts(_ *call, r *types.RecommendHostsForVm) (any, fault) {
	out := []types.ClusterHostRecommendation{}
	for i, h := range l.rankedHosts(nil) {
		out = append(out, types.ClusterHostRecommendation{Host: h.hs.Self, Rating: int32(max(5-i, 1))})
	}
	return &types.RecommendHostsForVmResponse{Returnval: out}, nil
}

// powerOnMulti places each VM by load and powers it on as a Task of its own.
func (l *Lab) powerOnMulti(c *call, r *types.PowerOnMultiVM_Task) (any, fault) {
	for _, ref := range r.Vm {
		if _, f := l.machineOf(ref); f != nil {
			return nil, f
		}
	}
	return l.start(c, r.This, func(*task) (any, fault) {
		out := types.ClusterPowerOnVmResult{}
		for i, ref := range r.Vm {
			m := l.machines[ref]
			if m == nil {
				continue
			}
			if f := l.prepareMulti(m); f != nil {
				out.NotAttempted = append(out.NotAttempted, types.ClusterNotAttemptedVmInfo{Vm: ref,
					Fault: types.LocalizedMethodFault{Fault: f, LocalizedMessage: messageOf(f)}})
				continue
			}
			sub := *c
			method := *c.method
			method.Name, method.This, method.Body = "PowerOnVM_Task", ref, &types.PowerOnVM_Task{This: ref}
			sub.method = &method
			made, _ := l.start(&sub, ref, func(*task) (any, fault) {
				if f := m.unreachable(); f != nil {
					return nil, f
				}
				return nil, l.powerOn(m)
			})
			taskRef := made.(moref)
			out.Attempted = append(out.Attempted, types.ClusterAttemptedVmInfo{Vm: ref, Task: &taskRef})
			out.Recommendations = append(out.Recommendations, types.ClusterRecommendation{
				Key: fmt.Sprint(i + 1), Type: "V1", Time: time.Now(), Rating: 5, Reason: "powerOnVm", ReasonText: "Power on virtual machine",
				Target: &m.host.hs.Self, Action: []types.BaseClusterAction{&types.ClusterInitialPlacementAction{
					ClusterAction: types.ClusterAction{Type: "HostPowerV1", Target: &ref}, TargetHost: m.host.hs.Self, Pool: m.vm.ResourcePool,
				}},
			})
		}
		return out, nil
	})
}

// prepareMulti moves a powered-off VM to the best host.
func (l *Lab) prepareMulti(m *machine) fault {
	if f := m.unreachable(); f != nil {
		return f
	}
	if m.isOn() {
		return m.wrongPower(types.VirtualMachinePowerStatePoweredOn)
	}
	best := l.bestHost(nil)
	if best == nil {
		return &types.NoCompatibleHost{}
	}
	if m.isOff() && l.drsEnabled() {
		m.place(best)
	}
	if !m.host.isUsable() {
		return &types.InvalidHostConnectionState{InvalidHostState: types.InvalidHostState{Host: &m.host.hs.Self}}
	}
	return nil
}
