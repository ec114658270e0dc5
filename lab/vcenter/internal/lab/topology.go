package lab

import (
	"context"
	"fmt"

	"github.com/vmware/govmomi/object"
	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/simulator/vpx"
	"github.com/vmware/govmomi/vim25"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/types"
)

const (
	dcName      = "lab-dc"
	clusterName = "lab-cluster"
	hostMemory  = int64(256) << 30
	hostCores   = 32
	coreMhz     = 2500
	tebibyte    = int64(1) << 40
)

func (l *Lab) content() types.ServiceContent {
	return l.reg.Get(vim25.ServiceInstance).(*simulator.ServiceInstance).Content
}

// buildTopology lets the simulator make a data centre and gives it our names,
// sizes and datastores. It is the same on every start, so morefs are stable.
func (l *Lab) buildTopology(saved *state) error {
	ctx, instance := simulator.NewServiceInstance(simulator.NewContext(), vpx.ServiceContent, vpx.RootFolder)
	l.base, l.reg = ctx, ctx.Map
	l.svc = simulator.New(ctx, instance)
	if saved != nil && saved.InstanceUUID != "" {
		instance.Content.About.InstanceUuid = saved.InstanceUUID
	}
	model := &simulator.Model{
		ServiceContent: vpx.ServiceContent, RootFolder: vpx.RootFolder, Service: l.svc,
		Datacenter: 1, Cluster: 1, ClusterHost: l.opt.Hosts,
	}
	if err := model.CreateInfrastructure(ctx); err != nil {
		return err
	}
	l.reg.RemoveHandler(managedHandler(l.reg, *l.content().TaskManager))

	dc := l.reg.Any("Datacenter").(*simulator.Datacenter)
	dc.Name = dcName
	l.dc, l.vmFolder = dc.Self, dc.VmFolder
	l.network = dc.Network[0]
	cluster := l.reg.Any("ClusterComputeResource").(*simulator.ClusterComputeResource)
	l.configureCluster(cluster)
	for i, ref := range cluster.Host {
		l.configureHost(l.reg.Get(ref).(*simulator.HostSystem), i+1)
	}
	l.finishCluster()
	return l.buildDatastores(dc)
}

func managedHandler(r *simulator.Registry, ref moref) simulator.RegisterObject {
	return r.Get(ref).(simulator.RegisterObject)
}

func (l *Lab) configureCluster(c *simulator.ClusterComputeResource) {
	c.Name = clusterName
	l.cluster, l.rootPool = c.Self, *c.ResourcePool
	pool := l.reg.Get(l.rootPool).(*simulator.ResourcePool)
	pool.Name = "Resources"
	pool.Vm, pool.ResourcePool.ResourcePool = nil, nil
	cfg := c.ConfigurationEx.(*types.ClusterConfigInfoEx)
	cfg.DrsConfig = types.ClusterDrsConfigInfo{
		Enabled: types.NewBool(true), EnableVmBehaviorOverrides: types.NewBool(true),
		DefaultVmBehavior: types.DrsBehaviorFullyAutomated, VmotionRate: 3,
	}
	cfg.DasConfig = types.ClusterDasConfigInfo{
		Enabled: types.NewBool(l.opt.HA), HostMonitoring: "enabled", VmMonitoring: "vmMonitoringDisabled",
		AdmissionControlEnabled: types.NewBool(false), FailoverLevel: 1,
		DefaultVmSettings: &types.ClusterDasVmSettings{RestartPriority: "medium", IsolationResponse: "none"},
	}
}

func (l *Lab) configureHost(h *simulator.HostSystem, n int) {
	h.Name = fmt.Sprintf("esx-%d.lab", n)
	h.Summary.Config.Name = h.Name
	h.Runtime.ConnectionState = types.HostSystemConnectionStateConnected
	h.Runtime.PowerState = types.HostSystemPowerStatePoweredOn
	h.Hardware.MemorySize = hostMemory
	h.Hardware.CpuInfo.NumCpuCores, h.Hardware.CpuInfo.NumCpuThreads = hostCores, hostCores
	h.Hardware.CpuInfo.Hz = coreMhz * 1_000_000
	h.Summary.Hardware.MemorySize, h.Summary.Hardware.CpuMhz = hostMemory, coreMhz
	h.Summary.Hardware.NumCpuCores, h.Summary.Hardware.NumCpuThreads = hostCores, hostCores
	h.Summary.QuickStats = types.HostListSummaryQuickStats{}
	h.Summary.Host = &h.Self
	h.Vm, h.Datastore = nil, nil
	l.hosts = append(l.hosts, &host{lab: l, hs: h})
}

// finishCluster sums up what the hosts offer. Called whenever a host changes.
func (l *Lab) finishCluster() {
	c := l.reg.Get(l.cluster).(*simulator.ClusterComputeResource)
	s := c.Summary.GetComputeResourceSummary()
	s.TotalCpu, s.TotalMemory, s.NumHosts, s.NumEffectiveHosts = 0, 0, 0, 0
	s.EffectiveCpu, s.EffectiveMemory, s.NumCpuCores, s.NumCpuThreads = 0, 0, 0, 0
	for _, h := range l.hosts {
		s.NumHosts++
		s.TotalCpu += hostCores * coreMhz
		s.TotalMemory += hostMemory
		s.NumCpuCores += hostCores
		s.NumCpuThreads += hostCores
		if h.isUsable() {
			s.NumEffectiveHosts++
			s.EffectiveCpu += hostCores * coreMhz
			s.EffectiveMemory += hostMemory >> 20
		}
	}
	l.touch(l.cluster, "summary")
}

func (l *Lab) buildDatastores(dc *simulator.Datacenter) error {
	folder := dc.DatastoreFolder
	client, err := vim25.NewClient(context.Background(), l.svc)
	if err != nil {
		return err
	}
	pod, err := object.NewFolder(client, folder).CreateStoragePod(context.Background(), "pod-1")
	if err != nil {
		return err
	}
	p := l.reg.Get(pod.Reference()).(*simulator.StoragePod)
	p.Name = "pod-1"
	if p.Summary == nil {
		p.Summary = &types.StoragePodSummary{}
	}
	p.Summary.Name = "pod-1"
	if p.PodStorageDrsEntry == nil {
		p.PodStorageDrsEntry = &types.PodStorageDrsEntry{}
	}
	p.PodStorageDrsEntry.StorageDrsConfig.PodConfig.Enabled = true
	p.PodStorageDrsEntry.StorageDrsConfig.PodConfig.DefaultVmBehavior = "automated"
	for i, d := range []struct {
		name, kind string
		parent     moref
	}{
		{"shared-1", "VMFS", folder}, {"shared-2", "VMFS", folder}, {nfsDatastore, "NFS", folder},
		{"pod-ds-1", "VMFS", p.Self}, {"pod-ds-2", "VMFS", p.Self},
	} {
		if err := l.addDatastore(d.name, d.kind, d.parent, 201+i, tebibyte); err != nil {
			return err
		}
	}
	l.accountPods()
	return nil
}

// nameOf is an entity's name, or its moref value.
func (l *Lab) nameOf(ref moref) string {
	if e, ok := l.reg.Get(ref).(mo.Entity); ok && e.Entity().Name != "" {
		return e.Entity().Name
	}
	return ref.Value
}
