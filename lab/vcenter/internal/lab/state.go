package lab

import (
	"encoding/json"
	"errors"
	"log"
	"os"
	"sort"
	"time"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/types"
)

// state is what outlives the process beside the datastores' files. A VM's
// configuration is not here but in its .vmx.
type state struct {
	Serial       int64          `json:"serial"`
	InstanceUUID string         `json:"instanceUuid"`
	HA           bool           `json:"ha"`
	HADelayMs    int64          `json:"haDelayMs"`
	Hosts        []savedHost    `json:"hosts"`
	Folders      []savedFolder  `json:"folders,omitempty"`
	Pools        []savedPool    `json:"pools,omitempty"`
	Machines     []savedMachine `json:"machines"`
	Processes    []savedProcess `json:"processes,omitempty"` // of VMs that are not registered
}

type savedHost struct {
	Name        string  `json:"name"`
	Connection  string  `json:"connection"`
	Outage      outage  `json:"outage,omitempty"`
	Maintenance bool    `json:"maintenance,omitempty"`
	Ghosts      []ghost `json:"ghosts,omitempty"`
}

type savedMachine struct {
	Ref        string    `json:"ref"`
	Name       string    `json:"name"`
	VMX        string    `json:"vmx"`
	Host       string    `json:"host"`
	Power      string    `json:"power"`
	Connection string    `json:"connection"`
	Runs       bool      `json:"runs"` // has a process, thus locks
	Folder     string    `json:"folder"`
	Pool       string    `json:"pool"`
	BootTime   time.Time `json:"bootTime"`
}

type savedProcess struct {
	Host  string              `json:"host"`
	VMX   string              `json:"vmx"`
	Name  string              `json:"name"`
	Disks map[string]openMode `json:"disks"`
}

func readState(path string) (*state, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	s := &state{}
	return s, json.Unmarshal(text, s)
}

// snapshot copies the state. Lab.mu is held for reading.
func (l *Lab) snapshot() *state {
	s := &state{
		Serial: l.serial.forSaving(), InstanceUUID: l.content().About.InstanceUuid,
		HA: l.haEnabled(), HADelayMs: l.ha.Delay.Milliseconds(), Machines: []savedMachine{},
	}
	for _, h := range l.hosts {
		s.Hosts = append(s.Hosts, savedHost{
			Name: h.hs.Name, Connection: string(h.hs.Runtime.ConnectionState), Outage: h.outage,
			Maintenance: h.hs.Runtime.InMaintenanceMode, Ghosts: h.ghosts,
		})
	}
	for _, o := range l.reg.All("Folder") {
		if f, ok := o.(*simulator.Folder); ok && l.isMade(f.Self) {
			s.Folders = append(s.Folders, savedFolder{f.Self.Value, f.Name, f.Parent.Value})
		}
	}
	for _, o := range l.reg.All("ResourcePool") {
		if p, ok := o.(*simulator.ResourcePool); ok && p.Self != l.rootPool {
			s.Pools = append(s.Pools, savedPool{p.Self.Value, p.Name, p.Parent.Value})
		}
	}
	registered := map[*process]bool{}
	for _, m := range l.machines {
		saved := savedMachine{
			Ref: m.ref().Value, Name: m.vm.Name, VMX: m.vmx.String(), Host: m.host.hs.Name,
			Power: string(m.vm.Runtime.PowerState), Connection: string(m.vm.Runtime.ConnectionState),
			Runs: m.proc != nil, Folder: m.vm.Parent.Value, Pool: m.vm.ResourcePool.Value,
		}
		if t := m.vm.Runtime.BootTime; t != nil {
			saved.BootTime = *t
		}
		registered[m.proc] = true
		s.Machines = append(s.Machines, saved)
	}
	for p := range l.processes {
		if !registered[p] {
			s.Processes = append(s.Processes, savedProcess{p.host.hs.Name, p.vmx, p.name, p.disks})
		}
	}
	byRef := func(a, b string) bool { return len(a) < len(b) || len(a) == len(b) && a < b }
	sort.Slice(s.Machines, func(i, j int) bool { return byRef(s.Machines[i].Ref, s.Machines[j].Ref) })
	sort.Slice(s.Folders, func(i, j int) bool { return byRef(s.Folders[i].Ref, s.Folders[j].Ref) })
	sort.Slice(s.Pools, func(i, j int) bool { return byRef(s.Pools[i].Ref, s.Pools[j].Ref) })
	return s
}

// hadGuest says whether the VM of a .vmx has a QEMU while it runs.
func (l *Lab) hadGuest(vmx string) bool {
	f, fault := l.resolve(vmx)
	if l.runner == nil || fault != nil {
		return false
	}
	cfg, err := readVMX(f)
	return err == nil && linkOf(cfg) != ""
}

// The QEMUs of a program that was killed take a moment to die, and have their ports until then.
const (
	strayTime  = 3 * time.Second
	startPause = 50 * time.Millisecond
)

// startAgain is the start of a guest after a power cut, which this program's end is for it: what was on is started, what was suspended is off.
func (l *Lab) startAgain(m *machine, power string, strays time.Time) string {
	if power == string(types.VirtualMachinePowerStatePoweredOn) {
		fault := l.spawn(m, m.host)
		for isPortTaken(fault) && time.Now().Before(strays) {
			time.Sleep(startPause)
			fault = l.spawn(m, m.host)
		}
		if fault == nil {
			return power
		}
		log.Printf("%s is not started again: %s", m.vm.Name, messageOf(fault))
	}
	return string(types.VirtualMachinePowerStatePoweredOff)
}

// restore brings the inventory back. A VM whose .vmx is gone is left out.
func (l *Lab) restore(s *state) {
	l.setHA(s.HA)
	l.ha.Delay = time.Duration(s.HADelayMs) * time.Millisecond
	for _, sh := range s.Hosts {
		h := l.hostNamed(sh.Name)
		if h == nil {
			continue
		}
		h.outage, h.ghosts = sh.Outage, sh.Ghosts
		h.hs.Runtime.InMaintenanceMode = sh.Maintenance
		h.setConnection(types.HostSystemConnectionState(sh.Connection))
	}
	for _, f := range s.Folders {
		l.putFolder(moref{Type: "Folder", Value: f.Ref}, f.Name, moref{Type: "Folder", Value: f.Parent})
	}
	for _, p := range s.Pools {
		l.putPool(moref{Type: "ResourcePool", Value: p.Ref}, p.Name, moref{Type: "ResourcePool", Value: p.Parent})
	}
	strays := time.Now().Add(strayTime)
	for _, sm := range s.Machines {
		if err := l.restoreMachine(sm, strays); err != nil {
			log.Printf("%s is not restored: %v", sm.Name, err)
		}
	}
	for _, sp := range s.Processes {
		if h := l.hostNamed(sp.Host); h != nil && !l.hadGuest(sp.VMX) {
			l.processes[&process{host: h, vmx: sp.VMX, name: sp.Name, disks: sp.Disks}] = struct{}{}
		}
	}
	for _, h := range l.hosts {
		if h.outage != "" {
			l.scheduleRestarts(h)
		}
	}
}

func (l *Lab) restoreMachine(s savedMachine, strays time.Time) error {
	f, fault := l.resolve(s.VMX)
	if fault != nil {
		return errors.New(messageOf(fault))
	}
	cfg, err := readVMX(f)
	if err != nil {
		return err
	}
	h := l.hostNamed(s.Host)
	if h == nil {
		return errors.New("host " + s.Host + " is gone")
	}
	version := cfg.ChangeVersion
	folder, pool := moref{Type: "Folder", Value: s.Folder}, moref{Type: "ResourcePool", Value: s.Pool}
	if l.reg.Get(folder) == nil {
		folder = l.vmFolder
	}
	if l.poolOf(pool) == nil {
		pool = l.rootPool
	}
	m := l.newMachine(moref{Type: "VirtualMachine", Value: s.Ref}, cfg, f, h, folder, pool)
	cfg.ChangeVersion = version
	if s.Runs {
		if l.runner != nil && linkOf(cfg) != "" {
			s.Power = l.startAgain(m, s.Power, strays)
		} else if fault := l.spawn(m, h); fault != nil {
			return errors.New(messageOf(fault))
		}
	}
	m.setPower(types.VirtualMachinePowerState(s.Power))
	if !s.BootTime.IsZero() {
		m.vm.Runtime.BootTime = &s.BootTime
	}
	m.vm.Runtime.ConnectionState = types.VirtualMachineConnectionState(s.Connection)
	m.vm.Summary.Runtime = m.vm.Runtime
	return nil
}
