package lab

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/vmware/govmomi/object"
	"github.com/vmware/govmomi/vim25/types"

	hypervisor "stowage/lab/vcenter/internal/host"
	"stowage/lab/vcenter/internal/host/guesttest"
)

func TestASerialPortIsChecked(t *testing.T) {
	r := newRig(t)
	vm := r.vm("lab-vm-3")
	add := func(d *types.VirtualSerialPort) (*object.Task, error) {
		return vm.Reconfigure(r.ctx, types.VirtualMachineConfigSpec{DeviceChange: []types.BaseVirtualDeviceConfigSpec{
			&types.VirtualDeviceConfigSpec{Operation: types.VirtualDeviceConfigSpecOperationAdd, Device: d}}})
	}
	bad := serialPort("tcp://127.0.0.1:9")
	bad.Backing.(*types.VirtualSerialPortURIBackingInfo).Direction = "sideways"
	r.refuse(&types.InvalidDeviceSpec{})(add(bad))
	r.refuse(&types.InvalidDeviceSpec{})(add(serialPort("nowhere")))
	r.refuse(&types.InvalidDeviceSpec{})(add(&types.VirtualSerialPort{}))
	r.await(add(serialPort("tcp://127.0.0.1:9")))
	find := func(r *rig) *types.VirtualSerialPort {
		for _, d := range r.props(r.vm("lab-vm-3").Reference()).Config.Hardware.Device {
			if p, ok := d.(*types.VirtualSerialPort); ok {
				return p
			}
		}
		return nil
	}
	p := find(r)
	if p == nil || p.Key != 9000 || p.ControllerKey != 400 || p.UnitNumber == nil || *p.UnitNumber != 0 || !p.YieldOnPoll {
		t.Fatalf("%+v", p)
	}
	r.await(vm.PowerOn(r.ctx)) // without -guest it is as idle as any
	r.stop()
	if p = find(rigIn(t, r.lab.opt.Dir)); p == nil || p.Backing.(*types.VirtualSerialPortURIBackingInfo).ServiceURI != "tcp://127.0.0.1:9" {
		t.Errorf("after a restart: %+v", p)
	}
}

func TestGuests(t *testing.T) {
	guest := guesttest.Dir(t)
	t.Run("a guest is published, heard and halts", func(t *testing.T) { aGuestsLife(t, guest) })
	t.Run("disks come and go while it runs", func(t *testing.T) { disksOfAGuest(t, guest) })
	t.Run("hosts fail, guests are restarted", func(t *testing.T) { guestsOfFailedHosts(t, guest) })
	t.Run("a restart of the lab is a power cut", func(t *testing.T) { guestsAfterARestart(t, guest) })
}

func aGuestsLife(t *testing.T, guest string) {
	r := guestRig(t, t.TempDir(), guest)
	document := `{"spec":{"ports":[{"containerPort":8080,"protocol":"tcp","hostIp":"127.0.0.1","hostPort":0}]}}`
	vm := r.container("c", 128, map[string]string{infoContainer: document})
	r.await(vm.PowerOn(r.ctx))
	began := time.Now()
	if p := r.props(vm.Reference()); p.Guest.GuestState != "notRunning" || p.Runtime.BootTime == nil || p.GuestHeartbeatStatus != "gray" {
		t.Errorf("while it boots: %+v", p.Guest)
	}
	version := r.props(vm.Reference()).Config.ChangeVersion
	r.until(vm, "guest.ipAddress", is("10.0.2.15"))
	t.Logf("power-on to first command: %v", time.Since(began))
	r.until(vm, "guestHeartbeatStatus", is("green"))
	p := r.props(vm.Reference())
	if p.Guest.GuestState != "running" || p.Guest.ToolsStatus != types.VirtualMachineToolsStatusToolsOk || p.Guest.ToolsRunningStatus != "guestToolsRunning" {
		t.Errorf("%+v", p.Guest)
	}
	r.untilInfo(vm, "guestinfo.seen", "disks")
	if p = r.props(vm.Reference()); p.Config.ChangeVersion != version {
		t.Error("the guest changed changeVersion")
	}
	var ports []hypervisor.Port
	if err := json.Unmarshal([]byte(optionOf(p.Config.ExtraConfig, infoPorts)), &ports); err != nil || len(ports) != 1 || ports[0].HostPort == 0 {
		t.Fatal(err, ports)
	}
	address := net.JoinHostPort("127.0.0.1", fmt.Sprint(ports[0].HostPort))
	r.eventually("an answer on the published port", func() bool {
		c, err := net.Dial("tcp", address)
		if err != nil {
			return false
		}
		defer c.Close()
		text, _ := io.ReadAll(c)
		return string(text) == "hello"
	})

	taken := r.container("taken", 128, map[string]string{infoContainer: strings.Replace(document, `"hostPort":0`, fmt.Sprintf(`"hostPort":%d`, ports[0].HostPort), 1)})
	if f := r.refuse(&types.GenericVmConfigFault{})(taken.PowerOn(r.ctx)).(*types.GenericVmConfigFault); !strings.Contains(f.FaultMessage[0].Message, fmt.Sprint(ports[0].HostPort)) {
		t.Errorf("%+v", f)
	}
	r.refuse(&types.InsufficientMemoryResourcesFault{})(r.container("big", 512, nil).PowerOn(r.ctx))

	r.await(vm.Suspend(r.ctx))
	if g := r.guests(); len(g) != 1 || g[0].Phase != hypervisor.Suspended || g[0].Host == "" || g[0].PID == 0 {
		t.Errorf("%+v", g)
	}
	r.await(vm.PowerOn(r.ctx))
	r.until(vm, "guestHeartbeatStatus", is("green"))
	r.setInfo(vm, "guestinfo.test", "halt")
	r.until(vm, "runtime.powerState", is(poweredOff))
	if p = r.props(vm.Reference()); p.Guest.IpAddress != "" || p.GuestHeartbeatStatus != "gray" || p.Guest.GuestState != "notRunning" {
		t.Errorf("%+v", p.Guest)
	}
	if !strings.Contains(r.eventTypes(), "VmPoweredOffEvent") || len(r.guests()) != 0 {
		t.Error(r.eventTypes())
	}
}

func disksOfAGuest(t *testing.T, guest string) {
	r := guestRig(t, t.TempDir(), guest)
	const d, layer = "[shared-1] d.vmdk", "[shared-1] layer.vmdk"
	r.makeDisk(d, 1)
	r.makeDisk(layer, 1)
	one, two := r.container("one", 128, nil), r.container("two", 128, nil)
	r.await(two.PowerOn(r.ctx))
	r.await(r.attach(two, layer, "independent_nonpersistent", 5)) // while it waits or boots
	r.await(r.attach(one, layer, "independent_nonpersistent", 5))
	r.await(r.attach(one, d, "independent_persistent", 64))
	r.await(one.PowerOn(r.ctx))
	layerRO, rw := r.uuidOf(layer)+":ro", r.uuidOf(d)+":rw"
	both := []string{layerRO, rw}
	if rw < layerRO {
		both = []string{rw, layerRO}
	}
	all := "disks " + strings.Join(both, " ")
	r.untilInfo(one, "guestinfo.seen", all)
	r.untilInfo(two, "guestinfo.seen", "disks "+layerRO)
	r.refuse(&types.GenericVmConfigFault{})(r.attach(two, d, "independent_persistent", 64))

	// What QEMU refuses changes nothing: somebody outside of vCenter has the disk open.
	const held = "[shared-1] held.vmdk"
	r.makeDisk(held, 1)
	release := r.holdOutside(held)
	before := r.props(two.Reference()).Config
	f := r.refuse(&types.GenericVmConfigFault{})(r.attach(two, held, "independent_persistent", 9)).(*types.GenericVmConfigFault)
	if f.FaultMessage[0].Key != "msg.fileio.lock" || f.FaultMessage[1].Arg[0].Value != held {
		t.Errorf("%+v", f)
	}
	if now := r.props(two.Reference()).Config; now.ChangeVersion != before.ChangeVersion || len(disksOf(now.Hardware.Device)) != 1 {
		t.Errorf("changed: %+v", now.Hardware.Device)
	}
	release()

	// Moved from one to the other: it is seen to go and to come. The controller is new.
	r.await(r.detach(one, 2064))
	r.untilInfo(one, "guestinfo.seen", "disks "+layerRO)
	r.await(two.Reconfigure(r.ctx, types.VirtualMachineConfigSpec{DeviceChange: []types.BaseVirtualDeviceConfigSpec{
		&types.VirtualDeviceConfigSpec{Operation: types.VirtualDeviceConfigSpecOperationAdd, Device: &types.ParaVirtualSCSIController{
			VirtualSCSIController: types.VirtualSCSIController{SharedBus: "noSharing", VirtualController: types.VirtualController{
				BusNumber: 1, VirtualDevice: types.VirtualDevice{Key: -7}}}}},
		&types.VirtualDeviceConfigSpec{Operation: types.VirtualDeviceConfigSpecOperationAdd, Device: &types.VirtualDisk{
			VirtualDevice: types.VirtualDevice{Key: -8, ControllerKey: -7, Backing: &types.VirtualDiskFlatVer2BackingInfo{
				DiskMode: "independent_persistent", VirtualDeviceFileBackingInfo: types.VirtualDeviceFileBackingInfo{FileName: d}}}}},
	}}))
	r.untilInfo(two, "guestinfo.seen", all)
	for _, disk := range disksOf(r.props(two.Reference()).Config.Hardware.Device) {
		if disk.Backing.(*types.VirtualDiskFlatVer2BackingInfo).FileName != d {
			continue
		}
		disk.CapacityInBytes, disk.CapacityInKB = 2<<30, 2<<20
		r.await(two.Reconfigure(r.ctx, types.VirtualMachineConfigSpec{DeviceChange: []types.BaseVirtualDeviceConfigSpec{
			&types.VirtualDeviceConfigSpec{Operation: types.VirtualDeviceConfigSpecOperationEdit, Device: disk}}}))
	}
	// Powered off, it has let go.
	r.await(two.PowerOff(r.ctx))
	r.await(r.disks.DeleteVirtualDisk(r.ctx, held, r.dc))
	r.await(r.attach(one, d, "independent_persistent", 64))
	r.untilInfo(one, "guestinfo.seen", all)
}

func guestsOfFailedHosts(t *testing.T, guest string) {
	r := guestRig(t, t.TempDir(), guest)
	vm := r.container("h", 128, nil)
	r.await(vm.PowerOn(r.ctx))
	r.until(vm, "guest.ipAddress", is("10.0.2.15"))
	first := r.guests()[0]
	r.do("/lab/hosts/"+first.Host+"/fail", map[string]string{"mode": "isolate"})
	if g := r.guests(); len(g) != 1 || g[0].PID != first.PID {
		t.Fatalf("after isolation: %+v", g)
	}
	r.do("/lab/hosts/"+first.Host+"/return", nil)
	r.until(vm, "runtime.connectionState", is("connected"))

	r.do("/lab/hosts/"+first.Host+"/fail", map[string]string{"mode": "crash"})
	r.until(vm, "runtime.host", func(v any) bool { return r.lab.hostOf(v.(moref)).hs.Name != first.Host })
	r.until(vm, "guest.guestState", is("running"))
	second := r.guests()[0]
	if second.PID == first.PID || second.Host == first.Host {
		t.Errorf("%+v and %+v", first, second)
	}
	r.do("/lab/vms/h/kill", nil)
	r.until(vm, "runtime.powerState", is(poweredOff))
	r.await(vm.PowerOn(r.ctx))
	r.await(vm.PowerOff(r.ctx))
	if g := r.guests(); len(g) != 0 {
		t.Errorf("%+v", g)
	}
	r.await(vm.Destroy(r.ctx))
}

func guestsAfterARestart(t *testing.T, guest string) {
	dir := t.TempDir()
	r := guestRig(t, dir, guest)
	vm, asleep := r.container("r", 128, nil), r.container("asleep", 128, nil)
	r.await(vm.PowerOn(r.ctx))
	r.await(asleep.PowerOn(r.ctx))
	r.await(asleep.Suspend(r.ctx))
	r.until(vm, "guest.ipAddress", is("10.0.2.15"))
	r.stop()
	r = guestRig(t, dir, guest)
	vm = r.vm("r")
	r.until(vm, "guest.guestState", is("running"))
	if p := r.props(r.vm("asleep").Reference()); p.Runtime.PowerState != poweredOff {
		t.Error(p.Runtime.PowerState)
	}
	if p := r.props(vm.Reference()); p.Runtime.PowerState != poweredOn {
		t.Error(p.Runtime.PowerState)
	}
}
