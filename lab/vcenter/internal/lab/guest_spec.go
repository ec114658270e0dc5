package lab

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/vmware/govmomi/vim25/types"

	hypervisor "stowage/lab/vcenter/internal/host"
)

// Keys of extraConfig: guest/PROTOCOL.md.
const (
	infoContainer = "guestinfo.stowage.container"
	infoPorts     = "guestinfo.stowage.ports" // what was published, for whoever asks
	infoIP        = "guestinfo.ip"
)

// guestSpec is the VM as QEMU needs it.
func (l *Lab) guestSpec(m *machine, link string) (hypervisor.Spec, fault) {
	cfg := m.vm.Config
	out := hypervisor.Spec{
		Name: m.vm.Name, Moid: m.ref().Value, CPUs: int(cfg.Hardware.NumCPU), MemoryMiB: int(cfg.Hardware.MemoryMB), Link: link,
	}
	for _, d := range cfg.Hardware.Device {
		switch device := d.(type) {
		case types.BaseVirtualSCSIController:
			out.Controllers = append(out.Controllers, int(device.GetVirtualSCSIController().BusNumber))
		case types.BaseVirtualEthernetCard:
			nic := device.GetVirtualEthernetCard()
			if nic.Connectable == nil || nic.Connectable.StartConnected {
				out.MACs = append(out.MACs, nic.MacAddress)
			}
		case *types.VirtualDisk:
			disk, f := l.guestDisk(cfg.Hardware.Device, device)
			if f != nil {
				return out, f
			}
			out.Disks = append(out.Disks, disk)
		}
	}
	if len(out.MACs) > 0 {
		var err error
		if out.Ports, err = wantedPorts(optionOf(cfg.ExtraConfig, infoContainer)); err != nil {
			return out, configFault(infoContainer + ": " + err.Error())
		}
	}
	return out, nil
}

// guestDisk finds a disk's extent and its place.
func (l *Lab) guestDisk(devices []types.BaseVirtualDevice, d *types.VirtualDisk) (hypervisor.Disk, fault) {
	out := hypervisor.Disk{Key: d.Key}
	name, mode, ok := modeOf(d)
	if !ok || d.UnitNumber == nil {
		return out, configFault(fmt.Sprintf("disk %d cannot be run here", d.Key))
	}
	k, f := l.existing(name)
	if f != nil {
		return out, f
	}
	out.File, out.Unit, out.Access = k.flat().local, int(*d.UnitNumber), accessOf(mode)
	b := d.Backing.(*types.VirtualDiskFlatVer2BackingInfo)
	out.Serial = strings.ToLower(strings.NewReplacer("-", "", " ", "").Replace(b.Uuid))
	for _, c := range devices {
		if s, ok := c.(types.BaseVirtualSCSIController); ok && c.GetVirtualDevice().Key == d.ControllerKey {
			out.Bus = int(s.GetVirtualSCSIController().BusNumber)
			return out, nil
		}
	}
	return out, configFault(fmt.Sprintf("disk %d is not on a SCSI controller", d.Key))
}

func accessOf(mode openMode) hypervisor.Access {
	switch mode {
	case openRead:
		return hypervisor.ReadOnly
	case openMulti:
		return hypervisor.Shared
	}
	return hypervisor.ReadWrite
}

// wantedPorts reads the ports to publish from the container's document.
func wantedPorts(document string) ([]hypervisor.Port, error) {
	if document == "" {
		return nil, nil
	}
	var in struct {
		Spec struct {
			Ports []hypervisor.Port `json:"ports"`
		} `json:"spec"`
	}
	if err := json.Unmarshal([]byte(document), &in); err != nil {
		return nil, err
	}
	for i := range in.Spec.Ports {
		p := &in.Spec.Ports[i]
		if p.Protocol == "" {
			p.Protocol = "tcp"
		}
		if p.Protocol != "tcp" && p.Protocol != "udp" || p.ContainerPort < 1 || p.ContainerPort > 65535 || p.HostPort < 0 || p.HostPort > 65535 {
			return nil, fmt.Errorf("cannot publish port %d/%s at %d", p.ContainerPort, p.Protocol, p.HostPort)
		}
	}
	return in.Spec.Ports, nil
}

func optionOf(list []types.BaseOptionValue, key string) string {
	for _, o := range list {
		if v := o.GetOptionValue(); v.Key == key {
			text, _ := v.Value.(string)
			return text
		}
	}
	return ""
}

// configFault is how ESXi says that a VM cannot be run as it is configured.
func configFault(message string) fault {
	f := &types.GenericVmConfigFault{Reason: message}
	f.FaultMessage = []types.LocalizableMessage{{Key: "msg.lab.guest", Message: message}}
	return f
}
