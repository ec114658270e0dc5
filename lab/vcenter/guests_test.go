package main

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/vmware/govmomi"
	"github.com/vmware/govmomi/find"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"

	"stowage/lab/vcenter/internal/host"
	"stowage/lab/vcenter/internal/host/guesttest"
)

// program is a vcenter that runs.
type program struct {
	*exec.Cmd
	ready ready
}

func startProgram(t *testing.T, binary, dir, guest string) *program {
	t.Helper()
	p := &program{Cmd: exec.Command(binary, "-dir", dir, "-guest", guest, "-vms", "0", "-user", "u", "-password", "p")}
	out, err := p.StdoutPipe()
	p.Stderr = os.Stderr
	if err != nil || p.Start() != nil {
		t.Fatal("the program does not start", err)
	}
	t.Cleanup(func() {
		_ = p.Process.Signal(syscall.SIGTERM)
		_ = p.Wait()
	})
	if err = json.NewDecoder(out).Decode(&p.ready); err != nil {
		t.Fatal(err)
	}
	return p
}

// guest waits for the only guest to run.
func (p *program) guest(t *testing.T) host.Report {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		res, err := http.Get(p.ready.Lab + "guests")
		if err != nil {
			t.Fatal(err)
		}
		var all []host.Report
		err = json.NewDecoder(res.Body).Decode(&all)
		_ = res.Body.Close()
		if err == nil && len(all) == 1 && all[0].Phase == host.Running {
			return all[0]
		}
	}
	t.Fatal("no guest runs")
	return host.Report{}
}

// createGuest makes a VM with a disk of its own, and powers it on.
func (p *program) createGuest(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	u, _ := soap.ParseURL(p.ready.URL)
	u.User = url.UserPassword("u", "p")
	c, err := govmomi.NewClient(ctx, u, true)
	check(err)
	finder := find.NewFinder(c.Client)
	dc, err := finder.DefaultDatacenter(ctx)
	check(err)
	finder.SetDatacenter(dc)
	folders, err := dc.Folders(ctx)
	check(err)
	pool, err := finder.DefaultResourcePool(ctx)
	check(err)
	add := func(d types.BaseVirtualDevice, op types.VirtualDeviceConfigSpecFileOperation) types.BaseVirtualDeviceConfigSpec {
		return &types.VirtualDeviceConfigSpec{Operation: types.VirtualDeviceConfigSpecOperationAdd, Device: d, FileOperation: op}
	}
	task, err := folders.VmFolder.CreateVM(ctx, types.VirtualMachineConfigSpec{Name: "c", NumCPUs: 1, MemoryMB: 128,
		Files: &types.VirtualMachineFileInfo{VmPathName: "[shared-1]"},
		DeviceChange: []types.BaseVirtualDeviceConfigSpec{
			add(&types.ParaVirtualSCSIController{VirtualSCSIController: types.VirtualSCSIController{SharedBus: "noSharing",
				VirtualController: types.VirtualController{VirtualDevice: types.VirtualDevice{Key: -1}}}}, ""),
			add(&types.VirtualDisk{CapacityInKB: 1 << 20, VirtualDevice: types.VirtualDevice{Key: -2, ControllerKey: -1,
				Backing: &types.VirtualDiskFlatVer2BackingInfo{DiskMode: "persistent", ThinProvisioned: types.NewBool(true)}}}, "create"),
			add(&types.VirtualSerialPort{YieldOnPoll: true, VirtualDevice: types.VirtualDevice{Key: -3,
				Backing: &types.VirtualSerialPortURIBackingInfo{VirtualDeviceURIBackingInfo: types.VirtualDeviceURIBackingInfo{
					ServiceURI: "tcp://127.0.0.1:9", Direction: "client"}}}}, ""),
		}}, pool, nil)
	check(err)
	check(task.Wait(ctx))
	vm, err := finder.VirtualMachine(ctx, "c")
	check(err)
	task, err = vm.PowerOn(ctx)
	check(err)
	check(task.Wait(ctx))
}

func TestGuestsDieWithTheProgramAndStartAgain(t *testing.T) {
	guest, dir := guesttest.Dir(t), t.TempDir()
	binary := filepath.Join(t.TempDir(), "vcenter")
	if out, err := exec.Command("go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	p := startProgram(t, binary, dir, guest)
	p.createGuest(t)
	first := p.guest(t)
	_ = p.Process.Kill()
	_ = p.Wait()
	// At once: the first QEMU may still be dying, and hold its disk.
	again := startProgram(t, binary, dir, guest)
	second := again.guest(t)
	if second.PID == first.PID || second.Moid != first.Moid {
		t.Errorf("%+v, then %+v", first, second)
	}
	gone := func(pid int) bool {
		for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
			if syscall.Kill(pid, 0) != nil {
				return true
			}
		}
		return false
	}
	if !gone(first.PID) {
		t.Error("a QEMU outlived kill -9 of the program")
	}
	_ = again.Process.Signal(syscall.SIGTERM)
	_ = again.Wait()
	if !gone(second.PID) {
		t.Error("a QEMU outlived the program")
	}
}
