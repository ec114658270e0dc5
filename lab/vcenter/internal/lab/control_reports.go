package lab

import (
	"net/http"
	"sort"
	"strings"
	"time"

	"github.com/vmware/govmomi/vim25/types"

	"stowage/lab/vcenter/internal/vmdk"
)

func (l *Lab) reportControls() []control {
	return []control{
		{"GET /lab/hosts", "hosts and what is on them", l.locked(l.reportHosts)},
		{"GET /lab/vms", "VMs with devices", l.locked(l.reportVMs)},
		{"GET /lab/disks", "every disk, who has it attached, who holds its lock", l.locked(l.reportDisks)},
		{"GET /lab/datastores", "datastores and where their files are", l.locked(l.reportDatastores)},
		{"GET /lab/ha", "vSphere HA's settings", l.locked(func(*http.Request) any {
			return map[string]any{"enabled": l.haEnabled(), "delayMs": l.ha.Delay.Milliseconds()}
		})},
		{"GET /lab/tasks", "every Task issued; ?method= filters", l.locked(l.reportTasks)},
		{"DELETE /lab/tasks", "forget the list (not the Tasks)", func(*http.Request) (any, error) {
			l.tasks.mu.Lock()
			l.tasks.log = nil
			l.tasks.mu.Unlock()
			return nil, nil
		}},
		{"GET /lab/calls", "calls counted by method", func(*http.Request) (any, error) { return l.calls.snapshot(), nil }},
		{"DELETE /lab/calls", "count from zero", func(*http.Request) (any, error) {
			l.calls.reset()
			return nil, nil
		}},
	}
}

func (l *Lab) locked(do func(*http.Request) any) func(*http.Request) (any, error) {
	return func(r *http.Request) (any, error) {
		l.mu.Lock()
		defer l.mu.Unlock()
		return do(r), nil
	}
}

type hostReport struct {
	Name        string   `json:"name"`
	Moid        string   `json:"moid"`
	Connection  string   `json:"connectionState"`
	Outage      string   `json:"outage,omitempty"`
	Maintenance bool     `json:"inMaintenanceMode"`
	VMs         []string `json:"vms"`
	Ghosts      []ghost  `json:"ghosts,omitempty"`
}

func (h *host) report() hostReport {
	out := hostReport{
		Name: h.hs.Name, Moid: h.hs.Self.Value, Connection: string(h.hs.Runtime.ConnectionState),
		Outage: string(h.outage), Maintenance: h.hs.Runtime.InMaintenanceMode, VMs: []string{}, Ghosts: h.ghosts,
	}
	for _, m := range h.machines() {
		out.VMs = append(out.VMs, m.vm.Name)
	}
	return out
}

func (l *Lab) reportHosts(*http.Request) any {
	out := []hostReport{}
	for _, h := range l.hosts {
		out = append(out, h.report())
	}
	return out
}

type deviceReport struct {
	Key        int32  `json:"key"`
	Type       string `json:"type"`
	Controller int32  `json:"controllerKey,omitempty"`
	Unit       *int32 `json:"unit,omitempty"`
	Bus        *int32 `json:"bus,omitempty"`
	Disk       string `json:"disk,omitempty"`
	UUID       string `json:"uuid,omitempty"`
	Mode       string `json:"mode,omitempty"`
}

type machineReport struct {
	Name       string         `json:"name"`
	Moid       string         `json:"moid"`
	UUID       string         `json:"uuid"`
	VMX        string         `json:"vmx"`
	Host       string         `json:"host"`
	Power      string         `json:"power"`
	Connection string         `json:"connectionState"`
	Devices    []deviceReport `json:"devices"`
}

func (m *machine) report() machineReport {
	out := machineReport{
		Name: m.vm.Name, Moid: m.ref().Value, UUID: m.vm.Config.Uuid, VMX: m.vmx.String(), Host: m.host.hs.Name,
		Power: string(m.vm.Runtime.PowerState), Connection: string(m.vm.Runtime.ConnectionState), Devices: []deviceReport{},
	}
	for _, d := range m.vm.Config.Hardware.Device {
		v := d.GetVirtualDevice()
		r := deviceReport{Key: v.Key, Type: strings.TrimPrefix(typeName(d), "*types."), Controller: v.ControllerKey, Unit: v.UnitNumber}
		if c, ok := d.(types.BaseVirtualController); ok {
			r.Bus = &c.GetVirtualController().BusNumber
		}
		if b, ok := v.Backing.(*types.VirtualDiskFlatVer2BackingInfo); ok {
			r.Disk, r.UUID, r.Mode = b.FileName, b.Uuid, b.DiskMode
		}
		out.Devices = append(out.Devices, r)
	}
	return out
}

func (l *Lab) sortedMachines() []*machine {
	out := make([]*machine, 0, len(l.machines))
	for _, m := range l.machines {
		out = append(out, m)
	}
	sort.Slice(out, func(i, j int) bool { return out[i].vm.Name < out[j].vm.Name })
	return out
}

func (l *Lab) reportVMs(*http.Request) any {
	out := []machineReport{}
	for _, m := range l.sortedMachines() {
		out = append(out, m.report())
	}
	return out
}

type attachment struct {
	VM        string `json:"vm"`
	Moid      string `json:"moid"`
	Mode      string `json:"mode"`
	PoweredOn bool   `json:"poweredOn"`
}

type lockReport struct {
	VM   string   `json:"vm"`
	Host string   `json:"host"`
	Mode openMode `json:"mode"`
}

type diskReport struct {
	Path        string       `json:"path"`
	UUID        string       `json:"uuid"`
	Capacity    int64        `json:"capacityBytes"`
	Allocated   int64        `json:"allocatedBytes"`
	Thin        bool         `json:"thin"`
	File        string       `json:"file"`
	Attachments []attachment `json:"attachments"`
	Locks       []lockReport `json:"locks"`
}

func (l *Lab) reportDisks(*http.Request) any {
	attached := map[string][]attachment{}
	for _, m := range l.sortedMachines() {
		for _, d := range m.disks() {
			if b, ok := d.Backing.(*types.VirtualDiskFlatVer2BackingInfo); ok {
				attached[b.FileName] = append(attached[b.FileName], attachment{m.vm.Name, m.ref().Value, b.DiskMode, m.isOn()})
			}
		}
	}
	out := []diskReport{}
	for path, k := range l.disks {
		r := diskReport{
			Path: path, UUID: vmdk.Canonical(k.uuid), Capacity: k.capacity, Allocated: k.allocated(), Thin: k.thin, File: k.at.local,
			Attachments: append([]attachment{}, attached[path]...), Locks: []lockReport{},
		}
		for p := range l.processes {
			if mode, ok := p.disks[path]; ok {
				r.Locks = append(r.Locks, lockReport{p.name, p.host.hs.Name, mode})
			}
		}
		out = append(out, r)
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Path < out[j].Path })
	return out
}

func (l *Lab) reportDatastores(*http.Request) any {
	out := []map[string]any{}
	for _, d := range l.datastores {
		out = append(out, map[string]any{
			"name": d.ds.Name, "moid": d.ds.Self.Value, "type": d.ds.Summary.Type, "dir": d.dir,
			"capacityBytes": d.ds.Summary.Capacity, "freeBytes": d.ds.Summary.FreeSpace,
		})
	}
	return out
}

type taskReport struct {
	ID      string     `json:"id"`
	Method  string     `json:"method"`
	Entity  string     `json:"entity"`
	Args    []string   `json:"args"`
	State   string     `json:"state"`
	Fault   string     `json:"fault,omitempty"`
	Queued  time.Time  `json:"queued"`
	Ended   *time.Time `json:"ended,omitempty"`
	EntName string     `json:"entityName"`
}

func (l *Lab) reportTasks(r *http.Request) any {
	method := r.URL.Query().Get("method")
	l.tasks.mu.RLock()
	defer l.tasks.mu.RUnlock()
	out := []taskReport{}
	for _, t := range l.tasks.log {
		if method != "" && t.method != method {
			continue
		}
		rep := taskReport{
			ID: t.Self.Value, Method: t.method, Entity: t.Info.Entity.Value, EntName: t.Info.EntityName, Args: pathsIn(t.body),
			State: string(t.Info.State), Queued: t.Info.QueueTime, Ended: t.Info.CompleteTime,
		}
		if t.Info.Error != nil {
			rep.Fault = strings.TrimPrefix(typeName(t.Info.Error.Fault), "*types.")
		}
		out = append(out, rep)
	}
	return out
}

// pathsIn lists the datastore paths and names of a request.
func pathsIn(body string) []string {
	out := []string{}
	for _, part := range strings.Split(body, ">") {
		text, _, ok := strings.Cut(part, "<")
		if ok && strings.HasPrefix(text, "[") && strings.Contains(text, "]") {
			out = append(out, text)
		}
	}
	return out
}
