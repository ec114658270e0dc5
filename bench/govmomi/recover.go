package main

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/vmware/govmomi/object"
	"github.com/vmware/govmomi/property"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/types"
)

// lost is a machine on a host that does not answer, and where it is to come back.
type lost struct {
	machine *object.VirtualMachine
	vmx     string
	pool    *object.ResourcePool
	folder  *object.Folder
}

// survey is what a recovery knows before it begins: the machines by name, and the hosts that answer.
type survey struct {
	machines map[string]lost
	hosts    []*object.HostSystem
	next     atomic.Uint32
}

func (p *program) survey(ctx context.Context) (*survey, error) {
	found, err := p.views.CreateContainerView(ctx, p.client.ServiceContent.RootFolder, []string{"VirtualMachine", "HostSystem"}, true)
	if err != nil {
		return nil, err
	}
	defer func() { _ = found.Destroy(ctx) }()
	var machines []mo.VirtualMachine
	properties := []string{"name", "config.files.vmPathName", "resourcePool", "parent", "runtime.connectionState"}
	if err := found.Retrieve(ctx, []string{"VirtualMachine"}, properties, &machines); err != nil {
		return nil, err
	}
	var hosts []mo.HostSystem
	if err := found.Retrieve(ctx, []string{"HostSystem"}, []string{"runtime.connectionState"}, &hosts); err != nil {
		return nil, err
	}
	s := &survey{machines: map[string]lost{}}
	for _, m := range machines {
		if m.Runtime.ConnectionState == types.VirtualMachineConnectionStateConnected {
			continue
		}
		s.machines[m.Name] = lost{
			machine: object.NewVirtualMachine(p.client.Client, m.Reference()),
			vmx:     m.Config.Files.VmPathName,
			pool:    object.NewResourcePool(p.client.Client, *m.ResourcePool),
			folder:  object.NewFolder(p.client.Client, *m.Parent),
		}
	}
	for _, h := range hosts {
		if h.Runtime.ConnectionState == types.HostSystemConnectionStateConnected {
			s.hosts = append(s.hosts, object.NewHostSystem(p.client.Client, h.Reference()))
		}
	}
	if len(s.hosts) == 0 {
		return nil, fmt.Errorf("no host answers")
	}
	return s, nil
}

func (s *survey) host() *object.HostSystem {
	return s.hosts[int(s.next.Add(1))%len(s.hosts)]
}

// recover takes one machine out of the inventory, registers it on another host, says so in its configuration, powers it on and looks at it.
func (w worker) recover(ctx context.Context, name string) error {
	known, isLost := w.lost.machines[name]
	if !isLost {
		return fmt.Errorf("it is not on a host that is lost")
	}
	if err := known.machine.Unregister(ctx); err != nil {
		return err
	}
	started, err := known.folder.RegisterVM(ctx, known.vmx, name, false, known.pool, w.lost.host())
	if err != nil {
		return err
	}
	info, err := started.WaitForResult(ctx)
	if err != nil {
		return err
	}
	machine := object.NewVirtualMachine(w.client.Client, info.Result.(types.ManagedObjectReference))
	spec := types.VirtualMachineConfigSpec{
		ExtraConfig: []types.BaseOptionValue{&types.OptionValue{Key: "bench.startedAt", Value: time.Now().UTC().Format(time.RFC3339Nano)}},
	}
	if err := w.wait(ctx)(machine.Reconfigure(ctx, spec)); err != nil {
		return err
	}
	if err := w.wait(ctx)(machine.PowerOn(ctx)); err != nil {
		return err
	}
	return w.verify(ctx, machine, name)
}

func (w worker) verify(ctx context.Context, machine *object.VirtualMachine, name string) error {
	var now mo.VirtualMachine
	properties := []string{"name", "runtime.powerState", "runtime.host", "config.hardware.device"}
	if err := property.DefaultCollector(w.client.Client).RetrieveOne(ctx, machine.Reference(), properties, &now); err != nil {
		return err
	}
	if now.Runtime.PowerState != types.VirtualMachinePowerStatePoweredOn {
		return fmt.Errorf("%s is %s", name, now.Runtime.PowerState)
	}
	return nil
}
