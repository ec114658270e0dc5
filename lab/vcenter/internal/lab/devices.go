package lab

import (
	"fmt"
	"reflect"

	"github.com/vmware/govmomi/vim25/types"
)

// devicePlan works out what a device change does, without doing it: a spec is
// applied as a whole or not at all.
type devicePlan struct {
	lab     *Lab
	name    string // of the VM
	dir     file   // of the VM
	on      bool
	proc    *process
	devices []types.BaseVirtualDevice
	renamed map[int32]int32
	create  []newDisk
	extend  []newDisk
	destroy []string
}

// newDisk is a disk file to make (or, in extend, to grow) when the plan is carried out.
type newDisk struct {
	at   file
	spec diskSpec
	on   *types.VirtualDisk
}

// copyDevice copies one device object, its backing included, so that the plan
// never writes to what clients may be reading.
func copyDevice(d types.BaseVirtualDevice) types.BaseVirtualDevice {
	out := shallow(d).(types.BaseVirtualDevice)
	v := out.GetVirtualDevice()
	if v.Backing != nil {
		v.Backing = shallow(v.Backing).(types.BaseVirtualDeviceBackingInfo)
	}
	return out
}

func shallow(in any) any {
	v := reflect.ValueOf(in)
	out := reflect.New(v.Elem().Type())
	out.Elem().Set(v.Elem())
	return out.Interface()
}

func (p *devicePlan) byKey(key int32) types.BaseVirtualDevice {
	for _, d := range p.devices {
		if d.GetVirtualDevice().Key == key {
			return d
		}
	}
	return nil
}

func (p *devicePlan) freeKey(from int32) int32 {
	for p.byKey(from) != nil {
		from++
	}
	return from
}

// rename remembers which key a temporary one became.
func (p *devicePlan) rename(from, to int32) {
	if from != to {
		p.renamed[from] = to
	}
}

// apply takes the changes in order, controllers first, since a disk may name a
// controller that comes later in the same spec.
func (p *devicePlan) apply(changes []types.BaseVirtualDeviceConfigSpec) fault {
	for _, controllers := range []bool{true, false} {
		for i, base := range changes {
			change := base.GetVirtualDeviceConfigSpec()
			if change.Device == nil {
				return deviceFault(i, "device")
			}
			_, isController := change.Device.(types.BaseVirtualController)
			adding := change.Operation == types.VirtualDeviceConfigSpecOperationAdd
			if (isController && adding) != controllers {
				continue
			}
			if f := p.change(i, change); f != nil {
				return f
			}
		}
	}
	linkControllers(p.devices)
	return nil
}

func (p *devicePlan) change(i int, c *types.VirtualDeviceConfigSpec) fault {
	switch c.Operation {
	case types.VirtualDeviceConfigSpecOperationAdd:
		d := copyDevice(c.Device)
		switch device := d.(type) {
		case types.BaseVirtualController:
			return p.addController(i, d)
		case *types.VirtualDisk:
			return p.addDisk(i, device, c.FileOperation)
		default:
			return p.addOther(i, d)
		}
	case types.VirtualDeviceConfigSpecOperationRemove:
		return p.remove(i, c)
	case types.VirtualDeviceConfigSpecOperationEdit:
		return p.edit(i, c)
	}
	return deviceFault(i, "operation")
}

// addOther takes NICs, drives, ports: anything whose file does not matter here.
func (p *devicePlan) addOther(i int, d types.BaseVirtualDevice) fault {
	v := d.GetVirtualDevice()
	first := int32(13000)
	switch device := d.(type) {
	case types.BaseVirtualEthernetCard:
		first = 4000
		if f := p.fillNIC(i, device.GetVirtualEthernetCard()); f != nil {
			return f
		}
	case *types.VirtualCdrom:
		first = 3000
		if p.byKey(p.resolved(v.ControllerKey)) == nil {
			return deviceFault(i, "device.controllerKey")
		}
		if f := p.seat(i, v); f != nil {
			return f
		}
		p.devices = append(p.devices, d)
		return nil
	case *types.VirtualSerialPort:
		return p.addSerialPort(i, device)
	case *types.VirtualUSBController:
		first = 7000
	}
	if v.Key <= 0 || p.byKey(v.Key) != nil {
		key := p.freeKey(first)
		p.rename(v.Key, key)
		v.Key = key
	}
	v.ControllerKey = p.resolved(v.ControllerKey)
	p.devices = append(p.devices, d)
	return nil
}

func (p *devicePlan) resolved(key int32) int32 {
	if real, ok := p.renamed[key]; ok {
		return real
	}
	return key
}

func (p *devicePlan) fillNIC(i int, nic *types.VirtualEthernetCard) fault {
	if b, ok := nic.Backing.(*types.VirtualEthernetCardNetworkBackingInfo); ok {
		if b.DeviceName != p.lab.nameOf(p.lab.network) && (b.Network == nil || *b.Network != p.lab.network) {
			return deviceFault(i, "device.backing")
		}
		b.DeviceName, b.Network = p.lab.nameOf(p.lab.network), &p.lab.network
	}
	if nic.ControllerKey == 0 {
		nic.ControllerKey = 100
	}
	if nic.MacAddress == "" {
		n := p.lab.serial.take()
		nic.MacAddress = fmt.Sprintf("00:50:56:%02x:%02x:%02x", 0x80|n>>16&0x3f, n>>8&0xff, n&0xff)
		nic.AddressType = string(types.VirtualEthernetCardMacTypeAssigned)
	}
	if nic.Connectable == nil {
		nic.Connectable = &types.VirtualDeviceConnectInfo{StartConnected: true, AllowGuestControl: true, Connected: p.on}
	}
	return nil
}

func (p *devicePlan) remove(i int, c *types.VirtualDeviceConfigSpec) fault {
	key := c.Device.GetVirtualDevice().Key
	d := p.byKey(key)
	if d == nil {
		return deviceFault(i, "device.key")
	}
	if _, ok := d.(types.BaseVirtualController); ok {
		for _, other := range p.devices {
			if other.GetVirtualDevice().ControllerKey == key {
				return deviceFault(i, "device.key")
			}
		}
	}
	if disk, ok := d.(*types.VirtualDisk); ok && c.FileOperation == types.VirtualDeviceConfigSpecFileOperationDestroy {
		name, _, _ := modeOf(disk)
		if p.lab.isOpenElsewhere(name, p.proc) {
			return fileLocked(name)
		}
		p.destroy = append(p.destroy, name)
	}
	kept := make([]types.BaseVirtualDevice, 0, len(p.devices))
	for _, other := range p.devices {
		if other != d {
			kept = append(kept, other)
		}
	}
	p.devices = kept
	return nil
}

func (p *devicePlan) edit(i int, c *types.VirtualDeviceConfigSpec) fault {
	key := c.Device.GetVirtualDevice().Key
	for at, d := range p.devices {
		if d.GetVirtualDevice().Key != key {
			continue
		}
		if reflect.TypeOf(d) != reflect.TypeOf(c.Device) {
			return deviceFault(i, "device")
		}
		edited := copyDevice(c.Device)
		if disk, ok := d.(*types.VirtualDisk); ok {
			merged, f := p.editDisk(i, disk, edited.(*types.VirtualDisk))
			if f != nil {
				return f
			}
			edited = merged
		} else if v := edited.GetVirtualDevice(); v.ControllerKey == 0 {
			v.ControllerKey, v.UnitNumber = d.GetVirtualDevice().ControllerKey, d.GetVirtualDevice().UnitNumber
		}
		p.devices[at] = edited
		return nil
	}
	return deviceFault(i, "device.key")
}
