package lab

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/vmware/govmomi/vim25/types"

	hypervisor "stowage/lab/vcenter/internal/host"
)

// A VM with a serial port that dials out is run by QEMU, as process.guest, while it is on. Other VMs only seem to run.

// boot starts the guest of a VM's new process, if it shall have one.
func (l *Lab) boot(m *machine, p *process) fault {
	link := linkOf(m.vm.Config)
	if l.runner == nil || link == "" {
		return nil
	}
	spec, f := l.guestSpec(m, link)
	if f != nil {
		return f
	}
	g, err := l.runner.Start(spec, &guestOwner{l, p})
	if err != nil {
		return startFault(err)
	}
	p.guest = g
	if err := m.setBootInfo(g.Ports()); err != nil {
		g.Kill()
		return &types.CannotAccessVmConfig{Reason: types.LocalizedMethodFault{Fault: &types.SystemError{Reason: err.Error()}}}
	}
	return nil
}

// setBootInfo says which ports were published, and forgets the address of the boot before.
func (m *machine) setBootInfo(ports []hypervisor.Port) error {
	if len(ports) > 0 || optionOf(m.vm.Config.ExtraConfig, infoPorts) != "" {
		text, _ := json.Marshal(append([]hypervisor.Port{}, ports...))
		if err := m.setInfo(infoPorts, string(text)); err != nil {
			return err
		}
	}
	return m.setInfo(infoIP, "")
}

func startFault(err error) fault {
	var memory *hypervisor.NotEnoughMemory
	if errors.As(err, &memory) {
		return &types.InsufficientMemoryResourcesFault{Unreserved: int64(memory.FreeMiB) << 20, Requested: int64(memory.WantedMiB) << 20}
	}
	var port *hypervisor.PortTaken
	if errors.As(err, &port) {
		f := configFault(err.Error()).(*types.GenericVmConfigFault)
		f.FaultMessage[0].Key = portTakenKey
		return f
	}
	return configFault(err.Error())
}

const portTakenKey = "msg.lab.portTaken"

func isPortTaken(f fault) bool {
	return f != nil && len(f.GetMethodFault().FaultMessage) > 0 && f.GetMethodFault().FaultMessage[0].Key == portTakenKey
}

func (m *machine) guest() *hypervisor.Guest {
	if m.proc == nil {
		return nil
	}
	return m.proc.guest
}

// commandTime bounds what is asked of a running QEMU; it answers in milliseconds.
const commandTime = 10 * time.Second

// command asks something of the VM's QEMU, with Lab.mu given up meanwhile. The VM has been seized.
func (l *Lab) command(m *machine, do func(context.Context) error) fault {
	p := m.proc
	var err error
	l.outside(func() {
		ctx, cancel := context.WithTimeout(context.Background(), commandTime)
		defer cancel()
		err = do(ctx)
	})
	switch {
	case m.proc != p:
		return &types.InvalidPowerState{RequestedState: types.VirtualMachinePowerStatePoweredOn, ExistingState: m.vm.Runtime.PowerState}
	case err != nil:
		return configFault(err.Error())
	}
	return nil
}

const seizeLook = 2 * time.Millisecond

// seize lets one operation at a time change a VM; what waits for QEMU gives up Lab.mu. Without guests nothing does, and nothing waits.
func (l *Lab) seize(m *machine) (release func()) {
	for m.seized {
		l.outside(func() { time.Sleep(seizeLook) })
	}
	m.seized = true
	return func() { m.seized = false }
}

// awaitEnd waits until a killed guest has let go of its files, with Lab.mu given up.
func (l *Lab) awaitEnd(g *hypervisor.Guest) {
	if g == nil {
		return
	}
	l.outside(func() {
		select {
		case <-g.Done():
		case <-time.After(commandTime):
		}
	})
}

// setInfo changes one key of extraConfig on behalf of the guest. Unlike a reconfigure it leaves changeVersion alone: a client that read the
// configuration and changes it may go on, whatever the guest says meanwhile.
func (m *machine) setInfo(key, value string) error {
	if have := optionOf(m.vm.Config.ExtraConfig, key); have == value {
		return nil
	}
	before := m.vm.Config
	cfg := *before
	cfg.ExtraConfig = mergeOptions(cfg.ExtraConfig, []types.BaseOptionValue{&types.OptionValue{Key: key, Value: value}})
	m.vm.Config = &cfg
	if err := m.save(); err != nil {
		m.vm.Config = before
		return err
	}
	m.lab.touch(m.ref(), "config.extraConfig")
	return nil
}

// guestOwner is what a guest knows of vCenter.
type guestOwner struct {
	lab  *Lab
	proc *process
}

// machine is nil after the VM was unregistered (while its host was isolated).
func (o *guestOwner) machine() *machine {
	for _, m := range o.lab.machines {
		if m.proc == o.proc {
			return m
		}
	}
	return nil
}

func (o *guestOwner) Info(key string) (string, bool) {
	o.lab.mu.RLock()
	defer o.lab.mu.RUnlock()
	m := o.machine()
	if m == nil {
		return "", false
	}
	value := optionOf(m.vm.Config.ExtraConfig, key)
	return value, value != ""
}

func (o *guestOwner) SetInfo(key, value string) error {
	o.lab.mu.Lock()
	defer o.lab.mu.Unlock()
	m := o.machine()
	if m == nil {
		return errors.New("the VM is not registered")
	}
	if err := m.setInfo(key, value); err != nil {
		return fmt.Errorf("the configuration cannot be written: %w", err)
	}
	if key == infoIP {
		m.showGuest()
	}
	return nil
}

func (o *guestOwner) Changed() {
	o.lab.mu.Lock()
	defer o.lab.mu.Unlock()
	if m := o.machine(); m != nil {
		m.showGuest()
	}
}

// Ended: the guest halted, or its QEMU died. vCenter hears of it at once, or when the host returns. It is in the state file soon: after a
// crash of this program a guest that had halted must not start again.
func (o *guestOwner) Ended(why string) {
	defer o.lab.saver.sync()
	l := o.lab
	l.mu.Lock()
	defer l.mu.Unlock()
	m := o.machine()
	l.kill(o.proc)
	switch {
	case m == nil:
	case m.unreachable() != nil:
		m.halted = true
		l.saver.wake()
	default:
		m.setPower(types.VirtualMachinePowerStatePoweredOff)
		m.say(&types.VmPoweredOffEvent{VmEvent: m.event()}, "is powered off: %s", why)
	}
}

// showGuest publishes how the guest stands.
func (m *machine) showGuest() {
	info, sum := m.vm.Guest, m.vm.Summary.Guest
	state, tools, status, beat := "notRunning", types.VirtualMachineToolsRunningStatusGuestToolsNotRunning,
		types.VirtualMachineToolsStatusToolsNotRunning, types.ManagedEntityStatusGray
	ip := ""
	if g := m.guest(); g != nil && m.isOn() {
		if g.Phase() == hypervisor.Running {
			state = "running"
			ip = optionOf(m.vm.Config.ExtraConfig, infoIP)
		}
		if g.IsAlive() {
			tools, status, beat = types.VirtualMachineToolsRunningStatusGuestToolsRunning, types.VirtualMachineToolsStatusToolsOk, types.ManagedEntityStatusGreen
		}
	}
	if info.GuestState == state && info.ToolsRunningStatus == string(tools) && info.ToolsStatus == status && info.IpAddress == ip &&
		m.vm.GuestHeartbeatStatus == beat {
		return
	}
	info.GuestState, info.ToolsRunningStatus, info.ToolsStatus, info.IpAddress = state, string(tools), status, ip
	info.ToolsVersionStatus2 = string(types.VirtualMachineToolsVersionStatusGuestToolsUnmanaged)
	sum.ToolsRunningStatus, sum.ToolsStatus, sum.IpAddress = info.ToolsRunningStatus, status, ip
	m.vm.GuestHeartbeatStatus, m.vm.Summary.QuickStats.GuestHeartbeatStatus = beat, beat
	m.lab.touch(m.ref(), "guest.guestState", "guest.toolsRunningStatus", "guest.toolsStatus", "guest.toolsVersionStatus2", "guest.ipAddress",
		"guestHeartbeatStatus", "summary.guest", "summary.quickStats.guestHeartbeatStatus")
}
