package lab

import (
	"net"
	"net/url"

	"github.com/vmware/govmomi/vim25/types"
)

const (
	sioController   = 400
	firstSerialPort = 9000
	serialPorts     = 4
)

// addSerialPort puts a serial port on the SIO controller that every VM has.
func (p *devicePlan) addSerialPort(i int, d *types.VirtualSerialPort) fault {
	switch b := d.Backing.(type) {
	case *types.VirtualSerialPortURIBackingInfo:
		if f := checkURI(i, b); f != nil {
			return f
		}
	case *types.VirtualSerialPortFileBackingInfo, *types.VirtualSerialPortDeviceBackingInfo, *types.VirtualSerialPortPipeBackingInfo,
		*types.VirtualSerialPortThinPrintBackingInfo:
	default:
		return deviceFault(i, "device.backing")
	}
	controller := p.resolved(d.ControllerKey)
	if controller == 0 {
		controller = sioController
	}
	if _, ok := p.byKey(controller).(*types.VirtualSIOController); !ok {
		return deviceFault(i, "device.controllerKey")
	}
	count, taken := 0, map[int32]bool{}
	for _, other := range p.devices {
		if o, ok := other.(*types.VirtualSerialPort); ok {
			count++
			if o.UnitNumber != nil {
				taken[*o.UnitNumber] = true
			}
		}
	}
	if count == serialPorts {
		return &types.TooManyDevices{InvalidVmConfig: types.InvalidVmConfig{Property: "virtualDeviceSpec.device"}}
	}
	if d.UnitNumber == nil || *d.UnitNumber < 0 {
		unit := int32(0)
		for taken[unit] {
			unit++
		}
		d.UnitNumber = &unit
	} else if taken[*d.UnitNumber] {
		return deviceFault(i, "device.unitNumber")
	}
	key := p.freeKey(firstSerialPort)
	p.rename(d.Key, key)
	d.Key, d.ControllerKey = key, controller
	if d.Connectable == nil {
		d.Connectable = &types.VirtualDeviceConnectInfo{StartConnected: true, AllowGuestControl: true, Connected: p.on}
	}
	p.devices = append(p.devices, d)
	return nil
}

func checkURI(i int, b *types.VirtualSerialPortURIBackingInfo) fault {
	switch types.VirtualDeviceURIBackingOptionDirection(b.Direction) {
	case types.VirtualDeviceURIBackingOptionDirectionClient, types.VirtualDeviceURIBackingOptionDirectionServer:
	default:
		return deviceFault(i, "device.backing.direction")
	}
	if u, err := url.Parse(b.ServiceURI); err != nil || u.Scheme == "" || u.Host == "" {
		return deviceFault(i, "device.backing.serviceURI")
	}
	return nil
}

// linkOf is where the VM's serial port dials, as host:port; empty when it has none that does.
func linkOf(cfg *types.VirtualMachineConfigInfo) string {
	for _, d := range cfg.Hardware.Device {
		port, ok := d.(*types.VirtualSerialPort)
		if !ok {
			continue
		}
		b, ok := port.Backing.(*types.VirtualSerialPortURIBackingInfo)
		if !ok || b.Direction != string(types.VirtualDeviceURIBackingOptionDirectionClient) {
			continue
		}
		u, err := url.Parse(b.ServiceURI)
		if err == nil && u.Scheme == "tcp" && u.Hostname() != "" && u.Port() != "" {
			return net.JoinHostPort(u.Hostname(), u.Port())
		}
	}
	return ""
}
