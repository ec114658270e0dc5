package lab

import (
	"fmt"
	"sort"
	"time"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/types"
)

func (l *Lab) storageCalls(t table) {
	t.read("StorageResourceManager", "RecommendDatastores", on(l.recommendDatastores))
	t.write("StorageResourceManager", "ConfigureStorageDrsForPod_Task", on(l.configureStorageDRS))
}

func (l *Lab) pod(ref *moref) *simulator.StoragePod {
	if ref == nil {
		return nil
	}
	p, _ := l.reg.Get(*ref).(*simulator.StoragePod)
	return p
}

// members lists a pod's datastores, most free space first.
func (l *Lab) members(p *simulator.StoragePod) []*datastore {
	var out []*datastore
	for _, ref := range p.ChildEntity {
		if d := l.datastoreOf(ref); d != nil && d.ds.Summary.Accessible {
			out = append(out, d)
		}
	}
	sort.SliceStable(out, func(i, j int) bool { return out[i].free() > out[j].free() })
	return out
}

// recommendDatastores places on the member of the pod with most free space;
// the others follow as alternatives.
func (l *Lab) recommendDatastores(_ *call, r *types.RecommendDatastores) (any, fault) {
	s := r.StorageSpec
	ref := s.PodSelectionSpec.StoragePod
	if ref == nil && len(s.PodSelectionSpec.InitialVmConfig) > 0 {
		ref = &s.PodSelectionSpec.InitialVmConfig[0].StoragePod
	}
	p := l.pod(ref)
	if p == nil {
		return nil, invalid("storageSpec.podSelectionSpec.storagePod")
	}
	if !p.PodStorageDrsEntry.StorageDrsConfig.PodConfig.Enabled {
		return nil, &types.StorageDrsDisabledOnVm{}
	}
	need := wantedBytes(s)
	out := types.StoragePlacementResult{}
	for i, d := range l.members(p) {
		if need > d.free() {
			continue
		}
		out.Recommendations = append(out.Recommendations, d.recommendation(i, p.Self, s, need))
	}
	if len(out.Recommendations) == 0 {
		out.DrsFault = &types.ClusterDrsFaults{Reason: "storagePlacement", FaultsByVm: []types.BaseClusterDrsFaultsFaultsByVm{
			&types.ClusterDrsFaultsFaultsByVm{Fault: []types.LocalizedMethodFault{{Fault: &types.NoDiskSpace{}, LocalizedMessage: "Insufficient disk space"}}},
		}}
	}
	return out, nil
}

func wantedBytes(s types.StoragePlacementSpec) int64 {
	var need int64
	if s.ConfigSpec == nil {
		return 0
	}
	for _, c := range s.ConfigSpec.DeviceChange {
		spec := c.GetVirtualDeviceConfigSpec()
		if d, ok := spec.Device.(*types.VirtualDisk); ok && spec.FileOperation != "" {
			need += max(d.CapacityInKB*1024, d.CapacityInBytes)
		}
	}
	return need
}

func (d *datastore) recommendation(i int, pod moref, s types.StoragePlacementSpec, need int64) types.ClusterRecommendation {
	used := float32(d.ds.Summary.Capacity-d.free()) / float32(d.ds.Summary.Capacity) * 100
	after := float32(d.ds.Summary.Capacity-d.free()+need) / float32(d.ds.Summary.Capacity) * 100
	return types.ClusterRecommendation{
		Key: fmt.Sprint(i + 1), Type: "V1", Time: time.Now(), Rating: int32(max(5-i, 1)), Reason: "storagePlacement",
		ReasonText: "Satisfy storage initial placement requests", Target: &pod,
		Action: []types.BaseClusterAction{&types.StoragePlacementAction{
			ClusterAction: types.ClusterAction{Type: "StoragePlacementV1", Target: &pod},
			Vm:            s.Vm, Destination: d.ds.Self,
			RelocateSpec:    types.VirtualMachineRelocateSpec{Datastore: &d.ds.Self},
			SpaceUtilBefore: used, SpaceUtilAfter: after, SpaceDemandBefore: used, SpaceDemandAfter: after,
		}},
	}
}

func (l *Lab) configureStorageDRS(c *call, r *types.ConfigureStorageDrsForPod_Task) (any, fault) {
	p := l.pod(&r.Pod)
	if p == nil {
		return nil, &types.ManagedObjectNotFound{Obj: r.Pod}
	}
	return l.start(c, r.This, func(*task) (any, fault) {
		if s := r.Spec.PodConfigSpec; s != nil {
			entry := *p.PodStorageDrsEntry
			if s.Enabled != nil {
				entry.StorageDrsConfig.PodConfig.Enabled = *s.Enabled
			}
			if s.DefaultVmBehavior != "" {
				entry.StorageDrsConfig.PodConfig.DefaultVmBehavior = s.DefaultVmBehavior
			}
			p.PodStorageDrsEntry = &entry
			l.touch(p.Self, "podStorageDrsEntry")
		}
		return nil, nil
	})
}

// migrateStorage is Storage DRS moving a disk on its own: the file goes to
// another datastore under another name; the uuid and its VMs follow.
func (l *Lab) migrateStorage(path string, to *datastore) (string, fault) {
	k, f := l.existing(path)
	if f != nil {
		return "", f
	}
	if k.at.ds == to {
		return "", invalid("datastore")
	}
	for _, m := range l.machines {
		for _, d := range m.disks() {
			if name, _, ok := modeOf(d); ok && name == k.at.String() {
				before := d.Key
				defer l.seize(m)()
				if f = l.moveAttached(m, before, to); f != nil {
					return "", f
				}
				for _, now := range m.disks() {
					if now.Key == before {
						moved, _, _ := modeOf(now)
						return moved, nil
					}
				}
			}
		}
	}
	return l.moveDetached(k, to)
}
