package lab

import (
	"strings"
	"testing"
	"time"

	"github.com/vmware/govmomi/object"
	"github.com/vmware/govmomi/vim25/types"
)

func (r *rig) hostSystem(name string) *object.HostSystem {
	r.t.Helper()
	return must(r.finder.HostSystem(r.ctx, name))(r.t)
}

func (r *rig) machine(name string) *machine {
	r.lab.mu.RLock()
	defer r.lab.mu.RUnlock()
	m, err := r.lab.machineNamed(name)
	if err != nil {
		return nil
	}
	return m
}

func (r *rig) report(name string) machineReport {
	r.lab.mu.RLock()
	defer r.lab.mu.RUnlock()
	m, err := r.lab.machineNamed(name)
	if err != nil {
		r.t.Fatal(err)
	}
	return m.report()
}

func TestACrashedHostsVMsAreRestartedByHA(t *testing.T) {
	r := newRig(t)
	r.makeDisk("[shared-1] d.vmdk", 1)
	vm := r.vm("lab-vm-1")
	r.await(r.attach(vm, "[shared-1] d.vmdk", "persistent", -1))
	from := r.report("lab-vm-1").Host
	r.do("/lab/hosts/"+from+"/fail", map[string]string{"mode": "crash"})
	r.eventually("restart", func() bool { return r.report("lab-vm-1").Host != from })
	now := r.props(vm.Reference())
	if now.Runtime.PowerState != "poweredOn" || now.Runtime.ConnectionState != "connected" || now.Summary.Runtime.Host.Value != now.Runtime.Host.Value {
		t.Errorf("%+v", now.Runtime)
	}
	for _, want := range []string{"HostConnectionLostEvent", "VmDisconnectedEvent", "VmRestartedOnAlternateHostEvent"} {
		if !strings.Contains(r.eventTypes(), want) {
			t.Errorf("no %s in %s", want, r.eventTypes())
		}
	}
	r.refuse(&types.GenericVmConfigFault{})(r.attach(r.vm("lab-vm-2"), "[shared-1] d.vmdk", "persistent", -1))
	r.do("/lab/hosts/"+from+"/return", nil)
	if got := r.report("lab-vm-1"); got.Host == from || got.Power != "poweredOn" {
		t.Errorf("%+v", got)
	}
}

func TestWithoutHAACrashedHostsVMsStayAndItsLocksFall(t *testing.T) {
	r := newRig(t)
	r.do("/lab/ha", map[string]any{"enabled": false})
	r.makeDisk("[shared-1] d.vmdk", 1)
	vm := r.vm("lab-vm-1")
	r.await(r.attach(vm, "[shared-1] d.vmdk", "persistent", -1))
	r.await(vm.Reconfigure(r.ctx, types.VirtualMachineConfigSpec{Annotation: "mine", ExtraConfig: []types.BaseOptionValue{
		&types.OptionValue{Key: "guestinfo.stowage.id", Value: "c1"}}}))
	before := r.props(vm.Reference())
	from := r.report("lab-vm-1").Host
	r.do("/lab/hosts/"+from+"/fail", map[string]string{"mode": "crash"})
	if got := r.report("lab-vm-1"); got.Power != "poweredOn" || got.Connection != "disconnected" {
		t.Errorf("%+v", got)
	}
	r.refuse(&types.HostNotReachable{})(vm.PowerOff(r.ctx))
	r.refuse(&types.HostNotReachable{})(vm.Reconfigure(r.ctx, types.VirtualMachineConfigSpec{Annotation: "no"}))

	// Re-home it: unregister, register on a living host, power on.
	if err := vm.Unregister(r.ctx); err != nil {
		t.Fatal(err)
	}
	folders := must(r.dc.Folders(r.ctx))(t)
	pool := must(r.finder.DefaultResourcePool(r.ctx))(t)
	to := "esx-3.lab"
	r.refuse(&types.HostNotReachable{})(folders.VmFolder.RegisterVM(r.ctx, before.Config.Files.VmPathName, "", false, pool, r.hostSystem(from)))
	info := r.await(folders.VmFolder.RegisterVM(r.ctx, before.Config.Files.VmPathName, "", false, pool, r.hostSystem(to)))
	again := object.NewVirtualMachine(r.c.Client, info.Result.(types.ManagedObjectReference))
	if again.Reference() == vm.Reference() {
		t.Error("the moref is the old one")
	}
	now := r.props(again.Reference())
	if now.Config.Uuid != before.Config.Uuid || now.Config.Annotation != "mine" || len(now.Config.Hardware.Device) != len(before.Config.Hardware.Device) {
		t.Errorf("configuration lost: %+v", now.Config)
	}
	r.refuse(&types.AlreadyExists{})(folders.VmFolder.RegisterVM(r.ctx, before.Config.Files.VmPathName, "", false, pool, nil))
	r.await(again.PowerOn(r.ctx))
	r.do("/lab/hosts/"+from+"/return", nil)
	if m := r.machine("lab-vm-1"); m.host.hs.Name != to || len(r.lab.machines) != 4 {
		t.Errorf("on %s, %d VMs", m.host.hs.Name, len(r.lab.machines))
	}
}

func TestAnIsolatedHostKeepsItsLocks(t *testing.T) {
	r := newRig(t)
	r.makeDisk("[shared-1] d.vmdk", 1)
	vm := r.vm("lab-vm-1")
	r.await(r.attach(vm, "[shared-1] d.vmdk", "persistent", -1))
	from := r.report("lab-vm-1").Host
	r.do("/lab/hosts/"+from+"/fail", map[string]string{"mode": "isolate"})
	r.eventually("HA tries", func() bool { return strings.Contains(r.eventTypes(), "VmFailoverFailed") })
	if got := r.report("lab-vm-1"); got.Host != from || got.Connection != "disconnected" {
		t.Errorf("%+v", got)
	}
	path := r.props(vm.Reference()).Config.Files.VmPathName
	if err := vm.Unregister(r.ctx); err != nil {
		t.Fatal(err)
	}
	folders := must(r.dc.Folders(r.ctx))(t)
	pool := must(r.finder.DefaultResourcePool(r.ctx))(t)
	info := r.await(folders.VmFolder.RegisterVM(r.ctx, path, "", false, pool, r.hostSystem("esx-3.lab")))
	again := object.NewVirtualMachine(r.c.Client, info.Result.(types.ManagedObjectReference))
	r.refuse(&types.GenericVmConfigFault{})(again.PowerOn(r.ctx))
	r.refuse(&types.GenericVmConfigFault{})(r.attach(r.vm("lab-vm-2"), "[shared-1] d.vmdk", "persistent", -1))

	r.do("/lab/hosts/"+from+"/return", nil)
	if got := r.report("lab-vm-1"); got.Host != from || got.Power != "poweredOn" || got.Connection != "connected" {
		t.Errorf("%+v", got)
	}
}

func TestDisconnectAndMaintenance(t *testing.T) {
	r := newRig(t)
	h := r.hostSystem("esx-1.lab")
	r.await(h.Disconnect(r.ctx))
	r.refuse(&types.HostNotConnected{})(r.vm("lab-vm-1").PowerOff(r.ctx))
	r.await(h.Reconnect(r.ctx, nil, nil))
	r.await(h.EnterMaintenanceMode(r.ctx, 5, true, nil))
	if got := r.report("lab-vm-1"); got.Host == "esx-1.lab" || got.Power != "poweredOn" {
		t.Errorf("not evacuated: %+v", got)
	}
	r.await(h.ExitMaintenanceMode(r.ctx, 0))
	events := r.eventTypes()
	for _, want := range []string{"HostDisconnectedEvent", "HostConnectedEvent", "EnteredMaintenanceModeEvent", "ExitMaintenanceModeEvent", "VmMigratedEvent"} {
		if !strings.Contains(events, want) {
			t.Errorf("no %s", want)
		}
	}
}

func TestAHostsFailureReachesAPropertyCollector(t *testing.T) {
	r := newRig(t)
	seen := make(chan string, 100)
	w := r.watch([]string{"HostSystem", "VirtualMachine"}, []types.PropertySpec{
		{Type: "HostSystem", PathSet: []string{"runtime.connectionState"}},
		{Type: "VirtualMachine", PathSet: []string{"runtime.connectionState", "runtime.host"}},
	})
	w.next() // the first, complete set
	go func() {
		for {
			set := w.wait()
			if set == nil {
				close(seen)
				return
			}
			for _, f := range set.FilterSet {
				for _, o := range f.ObjectSet {
					for _, c := range o.ChangeSet {
						seen <- o.Obj.Type + "." + c.Name
					}
				}
			}
		}
	}()
	r.do("/lab/hosts/esx-1.lab/fail", map[string]string{"mode": "crash"})
	want := map[string]bool{"HostSystem.runtime.connectionState": true, "VirtualMachine.runtime.connectionState": true, "VirtualMachine.runtime.host": true}
	timeout := time.After(time.Minute)
	for len(want) > 0 {
		select {
		case got := <-seen:
			delete(want, got)
		case <-timeout:
			t.Fatalf("missing %v", want)
		}
	}
}
