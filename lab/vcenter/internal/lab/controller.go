package lab

import (
	"github.com/vmware/govmomi/vim25/types"
)

// bus describes one kind of controller: its key range and what fits on it.
type bus struct {
	firstKey    int32 // key = firstKey + bus number
	maxBuses    int32
	slots       int32 // unit numbers 0..slots-1
	reserved    int32 // the controller's own unit, or -1
	firstDevice int32 // key of the device at bus 0, unit 0
}

var (
	scsiBus = bus{1000, 4, 16, 7, 2000}
	ideBus  = bus{200, 2, 2, -1, 3000}
	sataBus = bus{15000, 4, 30, -1, 16000}
	nvmeBus = bus{31000, 4, 15, -1, 32000}
)

func busOf(d types.BaseVirtualDevice) (bus, bool) {
	switch d.(type) {
	case types.BaseVirtualSCSIController:
		return scsiBus, true
	case *types.VirtualIDEController:
		return ideBus, true
	case types.BaseVirtualSATAController:
		return sataBus, true
	case *types.VirtualNVMEController:
		return nvmeBus, true
	}
	return bus{}, false
}

// deviceKey is the key of a device by its place, as vCenter numbers them.
func (b bus) deviceKey(busNumber, unit int32) int32 {
	return b.firstDevice + b.slots*busNumber + unit
}

func deviceFault(index int, property string) fault {
	return &types.InvalidDeviceSpec{
		InvalidVmConfig: types.InvalidVmConfig{Property: "virtualDeviceSpec." + property},
		DeviceIndex:     int32(index),
	}
}

// addController gives a controller its key and bus number.
func (p *devicePlan) addController(i int, d types.BaseVirtualDevice) fault {
	b, ok := busOf(d)
	if !ok {
		return p.addOther(i, d)
	}
	c := d.(types.BaseVirtualController).GetVirtualController()
	count := int32(0)
	for _, other := range p.devices {
		if ob, ok := busOf(other); ok && ob == b {
			count++
			if other.(types.BaseVirtualController).GetVirtualController().BusNumber == c.BusNumber {
				return deviceFault(i, "device.busNumber")
			}
		}
	}
	if count >= b.maxBuses {
		return &types.TooManyDevices{InvalidVmConfig: types.InvalidVmConfig{Property: "virtualDeviceSpec.device"}}
	}
	if c.BusNumber < 0 || c.BusNumber >= b.maxBuses {
		return deviceFault(i, "device.busNumber")
	}
	p.rename(c.Key, b.firstKey+c.BusNumber)
	c.Key = b.firstKey + c.BusNumber
	c.Device = nil
	if b == scsiBus {
		c.ControllerKey = 100
		if s, ok := d.(types.BaseVirtualSCSIController); ok {
			s.GetVirtualSCSIController().ScsiCtlrUnitNumber = 7
			if s.GetVirtualSCSIController().SharedBus == "" {
				s.GetVirtualSCSIController().SharedBus = types.VirtualSCSISharingNoSharing
			}
		}
	}
	p.devices = append(p.devices, d)
	return nil
}

// pvscsiUnits: 64 disks and its own unit, with virtual hardware 14 and later; every VM here is newer.
const pvscsiUnits = 65

func unitsOf(b bus, controller types.BaseVirtualDevice) int32 {
	if _, ok := controller.(*types.ParaVirtualSCSIController); ok {
		return pvscsiUnits
	}
	return b.slots
}

// seat puts a device on its controller: unit checked or chosen, key derived.
func (p *devicePlan) seat(i int, v *types.VirtualDevice) fault {
	if real, ok := p.renamed[v.ControllerKey]; ok {
		v.ControllerKey = real
	}
	controller := p.byKey(v.ControllerKey)
	if controller == nil {
		return deviceFault(i, "device.controllerKey")
	}
	b, ok := busOf(controller)
	if !ok {
		return deviceFault(i, "device.controllerKey")
	}
	taken := map[int32]bool{b.reserved: true}
	for _, d := range p.devices {
		if o := d.GetVirtualDevice(); o.ControllerKey == v.ControllerKey && o.UnitNumber != nil {
			taken[*o.UnitNumber] = true
		}
	}
	if v.UnitNumber == nil || *v.UnitNumber < 0 {
		free := int32(0)
		for taken[free] {
			free++
		}
		v.UnitNumber = &free
	}
	if u := *v.UnitNumber; u >= unitsOf(b, controller) || taken[u] {
		return deviceFault(i, "device.unitNumber")
	}
	number := controller.(types.BaseVirtualController).GetVirtualController().BusNumber
	key := b.deviceKey(number, *v.UnitNumber)
	if p.byKey(key) != nil {
		key = p.freeKey(key)
	}
	p.rename(v.Key, key)
	v.Key = key
	return nil
}

// linkControllers fills controller.device from the devices' controllerKey.
func linkControllers(devices []types.BaseVirtualDevice) {
	on := map[int32][]int32{}
	for _, d := range devices {
		v := d.GetVirtualDevice()
		on[v.ControllerKey] = append(on[v.ControllerKey], v.Key)
	}
	for _, d := range devices {
		if c, ok := d.(types.BaseVirtualController); ok {
			c.GetVirtualController().Device = on[c.GetVirtualController().Key]
		}
	}
}
