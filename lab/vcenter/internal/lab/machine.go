package lab

import (
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/types"
)

// machine is a VirtualMachine: the managed object, its .vmx and its process.
type machine struct {
	lab  *Lab
	vm   *simulator.VirtualMachine
	vmx  file
	host *host
	proc *process // while it runs or is suspended on a living host

	seized bool // by an operation that waits for its QEMU
	halted bool // its guest ended by itself while the host was away
}

func (m *machine) ref() moref { return m.vm.Self }

func (m *machine) isOn() bool {
	return m.vm.Runtime.PowerState == types.VirtualMachinePowerStatePoweredOn
}

func (m *machine) isOff() bool {
	return m.vm.Runtime.PowerState == types.VirtualMachinePowerStatePoweredOff
}

func (m *machine) disks() []*types.VirtualDisk {
	return disksOf(m.vm.Config.Hardware.Device)
}

func disksOf(devices []types.BaseVirtualDevice) []*types.VirtualDisk {
	var out []*types.VirtualDisk
	for _, d := range devices {
		if disk, ok := d.(*types.VirtualDisk); ok {
			out = append(out, disk)
		}
	}
	return out
}

func (l *Lab) machineOf(ref moref) (*machine, fault) {
	if m := l.machines[ref]; m != nil {
		return m, nil
	}
	return nil, &types.ManagedObjectNotFound{Obj: ref}
}

// newMachine makes the managed object around a configuration.
func (l *Lab) newMachine(ref moref, cfg *types.VirtualMachineConfigInfo, vmx file, h *host, folder, pool moref) *machine {
	vm := &simulator.VirtualMachine{DataSets: map[string]*simulator.DataSet{}}
	vm.Self, vm.Name, vm.Parent, vm.ResourcePool = ref, cfg.Name, &folder, &pool
	vm.Config = cfg
	vm.Guest = &types.GuestInfo{ToolsStatus: types.VirtualMachineToolsStatusToolsNotInstalled, GuestState: "notRunning",
		ToolsRunningStatus: "guestToolsNotRunning", ToolsVersionStatus2: "guestToolsNotInstalled"}
	vm.Layout = &types.VirtualMachineFileLayout{}
	vm.LayoutEx = &types.VirtualMachineFileLayoutEx{Timestamp: time.Now()}
	vm.Storage = &types.VirtualMachineStorageInfo{Timestamp: time.Now()}
	vm.Capability = types.VirtualMachineCapability{
		SnapshotOperationsSupported: true, MultipleSnapshotsSupported: true, PoweredOffSnapshotsSupported: true,
		DiskSharesSupported: true, SettingDisplayTopologySupported: true,
	}
	vm.GuestHeartbeatStatus = types.ManagedEntityStatusGray
	vm.Runtime.PowerState = types.VirtualMachinePowerStatePoweredOff
	vm.Runtime.ConnectionState = types.VirtualMachineConnectionStateConnected
	vm.Runtime.Host = &h.hs.Self
	vm.Runtime.FaultToleranceState = types.VirtualMachineFaultToleranceStateNotConfigured
	vm.Runtime.RecordReplayState = types.VirtualMachineRecordReplayStateInactive
	vm.Summary.Vm = &vm.Self
	vm.Summary.Guest = &types.VirtualMachineGuestSummary{}
	vm.Summary.OverallStatus = types.ManagedEntityStatusGreen
	vm.Summary.QuickStats.GuestHeartbeatStatus = types.ManagedEntityStatusGray
	cluster := l.reg.Get(l.cluster).(*simulator.ClusterComputeResource)
	if cluster.EnvironmentBrowser != nil {
		vm.EnvironmentBrowser = *cluster.EnvironmentBrowser
	}
	m := &machine{lab: l, vm: vm, vmx: vmx, host: h}
	m.derive()
	l.machines[ref] = m
	l.reg.Put(vm)
	l.addChild(folder, ref)
	l.addTo(h.hs.Self, &h.hs.Vm, ref, "vm")
	if p, ok := l.reg.Get(pool).(*simulator.ResourcePool); ok {
		l.addTo(pool, &p.Vm, ref, "vm")
	}
	return m
}

func (l *Lab) addTo(owner moref, list *[]moref, ref moref, property string) {
	*list = append((*list)[:len(*list):len(*list)], ref)
	l.touch(owner, property)
}

func (l *Lab) removeFrom(owner moref, list *[]moref, ref moref, property string) {
	*list = without(*list, ref)
	l.touch(owner, property)
}

// drop takes a VM out of the inventory; its files stay.
func (l *Lab) drop(m *machine) {
	ref := m.ref()
	delete(l.machines, ref)
	l.removeChild(*m.vm.Parent, ref)
	l.removeFrom(m.host.hs.Self, &m.host.hs.Vm, ref, "vm")
	if p, ok := l.reg.Get(*m.vm.ResourcePool).(*simulator.ResourcePool); ok {
		l.removeFrom(p.Self, &p.Vm, ref, "vm")
	}
	for _, d := range l.datastores {
		if hasRef(d.ds.Vm, ref) {
			l.removeFrom(d.ds.Self, &d.ds.Vm, ref, "vm")
		}
	}
	m.host.measure()
	if l.runner != nil && m.proc == nil {
		l.runner.Forget(ref.Value)
	}
	l.reg.Remove(l.stockContext(nil), ref)
	l.saver.wake()
}

func hasRef(list []moref, ref moref) bool {
	for _, r := range list {
		if r == ref {
			return true
		}
	}
	return false
}

// place records the host a VM is on.
func (m *machine) place(h *host) {
	if m.host != h {
		m.lab.removeFrom(m.host.hs.Self, &m.host.hs.Vm, m.ref(), "vm")
		m.lab.addTo(h.hs.Self, &h.hs.Vm, m.ref(), "vm")
		old := m.host
		m.host = h
		old.measure()
	}
	m.vm.Runtime.Host = &h.hs.Self
	m.vm.Summary.Runtime = m.vm.Runtime
	h.measure()
	m.lab.touch(m.ref(), "runtime.host", "summary.runtime.host")
}

func (m *machine) setPower(state types.VirtualMachinePowerState) {
	r := &m.vm.Runtime
	r.PowerState = state
	now := time.Now().UTC()
	m.halted = false
	m.vm.Guest.GuestState, m.vm.Guest.ToolsRunningStatus = "notRunning", "guestToolsNotRunning"
	switch state {
	case types.VirtualMachinePowerStatePoweredOn:
		r.BootTime, r.SuspendTime = &now, nil
		m.vm.Guest.GuestState = "running"
	case types.VirtualMachinePowerStatePoweredOff:
		r.BootTime, r.SuspendTime = nil, nil
		r.CleanPowerOff = types.NewBool(true)
	case types.VirtualMachinePowerStateSuspended:
		r.SuspendTime = &now
	}
	m.vm.Summary.Runtime = *r
	m.host.measure()
	m.lab.touch(m.ref(), "runtime.powerState", "runtime.bootTime", "runtime.suspendTime", "runtime.cleanPowerOff",
		"summary.runtime.powerState", "summary.runtime.bootTime", "guest.guestState", "guest.toolsRunningStatus")
	if m.lab.runner != nil && linkOf(m.vm.Config) != "" {
		m.showGuest()
	}
}

func (m *machine) setConnection(state types.VirtualMachineConnectionState) {
	if m.vm.Runtime.ConnectionState == state {
		return
	}
	m.vm.Runtime.ConnectionState = state
	m.vm.Summary.Runtime = m.vm.Runtime
	m.lab.touch(m.ref(), "runtime.connectionState", "summary.runtime.connectionState")
}

// derive fills what follows from the configuration: summary, layout, datastores, networks.
func (m *machine) derive() {
	l, vm, cfg := m.lab, m.vm, m.vm.Config
	vm.Name = cfg.Name
	s := &vm.Summary
	s.Runtime = vm.Runtime
	disks := m.disks()
	nics := int32(0)
	stores := []moref{m.vmx.ds.ds.Self}
	vm.Network = nil
	for _, d := range cfg.Hardware.Device {
		if nic, ok := d.(types.BaseVirtualEthernetCard); ok {
			nics++
			if b, ok := nic.GetVirtualEthernetCard().Backing.(*types.VirtualEthernetCardNetworkBackingInfo); ok && b.Network != nil && !hasRef(vm.Network, *b.Network) {
				vm.Network = append(vm.Network, *b.Network)
			}
		}
	}
	var committed, provisioned int64
	vm.Layout.Disk = nil
	for _, d := range disks {
		path, _, ok := modeOf(d)
		if !ok {
			continue
		}
		vm.Layout.Disk = append(vm.Layout.Disk, types.VirtualMachineFileLayoutDiskLayout{Key: d.Key, DiskFile: []string{path}})
		if k := l.disks[path]; k != nil {
			committed += k.charged
			provisioned += k.capacity - k.charged
			if !hasRef(stores, k.at.ds.ds.Self) {
				stores = append(stores, k.at.ds.ds.Self)
			}
		}
	}
	vm.Datastore = stores
	s.Storage = &types.VirtualMachineStorageSummary{Committed: committed, Uncommitted: provisioned, Timestamp: time.Now()}
	s.Config = types.VirtualMachineConfigSummary{
		Name: cfg.Name, Template: cfg.Template, VmPathName: cfg.Files.VmPathName, MemorySizeMB: cfg.Hardware.MemoryMB,
		NumCpu: cfg.Hardware.NumCPU, NumEthernetCards: nics, NumVirtualDisks: int32(len(disks)), Uuid: cfg.Uuid,
		InstanceUuid: cfg.InstanceUuid, GuestId: cfg.GuestId, GuestFullName: cfg.GuestFullName,
		Annotation: cfg.Annotation, ManagedBy: cfg.ManagedBy,
	}
	for _, d := range l.datastores {
		uses, listed := hasRef(stores, d.ds.Self), hasRef(d.ds.Vm, vm.Self)
		if uses && !listed {
			l.addTo(d.ds.Self, &d.ds.Vm, vm.Self, "vm")
		} else if !uses && listed {
			l.removeFrom(d.ds.Self, &d.ds.Vm, vm.Self, "vm")
		}
	}
}

func (m *machine) event() types.VmEvent {
	l := m.lab
	e := m.host.event().Event
	e.Vm = &types.VmEventArgument{EntityEventArgument: types.EntityEventArgument{Name: m.vm.Name}, Vm: m.ref()}
	if len(m.vm.Datastore) > 0 {
		e.Ds = &types.DatastoreEventArgument{Datastore: m.vm.Datastore[0],
			EntityEventArgument: types.EntityEventArgument{Name: l.nameOf(m.vm.Datastore[0])}}
	}
	return types.VmEvent{Event: e}
}

func (m *machine) say(event types.BaseEvent, format string, args ...any) {
	m.lab.post(event, fmt.Sprintf(m.vm.Name+" on "+m.host.hs.Name+": "+format, args...))
}

// unreachable is the fault of any operation that needs the VM's host.
func (m *machine) unreachable() fault { return m.host.unreachable() }

func newUUID() string { return uuid.NewString() }

func entityOf(o mo.Reference) *mo.ManagedEntity {
	if e, ok := o.(mo.Entity); ok {
		return e.Entity()
	}
	return nil
}
