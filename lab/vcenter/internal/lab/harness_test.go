package lab

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/vmware/govmomi"
	"github.com/vmware/govmomi/find"
	"github.com/vmware/govmomi/object"
	collect "github.com/vmware/govmomi/property"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

// rig is a started lab with a logged-in client.
type rig struct {
	t      *testing.T
	lab    *Lab
	server *httptest.Server
	ctx    context.Context
	c      *govmomi.Client
	dc     *object.Datacenter
	finder *find.Finder
	disks  *object.VirtualDiskManager
	files  *object.FileManager
}

func newRig(t *testing.T) *rig { return rigIn(t, t.TempDir()) }

func rigIn(t *testing.T, dir string) *rig {
	t.Helper()
	return rigWith(t, Options{Dir: dir, User: "user", Password: "pass", Hosts: 3, VMs: 4, HA: true})
}

func rigWith(t *testing.T, opt Options) *rig {
	t.Helper()
	l, err := New(opt)
	if err != nil {
		t.Fatal(err)
	}
	l.ha.Delay = 10 * time.Millisecond
	r := &rig{t: t, lab: l, server: httptest.NewServer(l.Handler())}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	r.ctx = ctx
	t.Cleanup(func() {
		cancel()
		r.stop()
	})
	u, _ := soap.ParseURL(r.server.URL + "/sdk")
	u.User = url.UserPassword("user", "pass")
	if r.c, err = govmomi.NewClient(ctx, u, true); err != nil {
		t.Fatal(err)
	}
	r.finder = find.NewFinder(r.c.Client)
	r.dc = must(r.finder.Datacenter(ctx, dcName))(t)
	r.finder.SetDatacenter(r.dc)
	r.disks = object.NewVirtualDiskManager(r.c.Client)
	r.files = object.NewFileManager(r.c.Client)
	return r
}

// stop ends the lab once; a test that restarts it calls it early.
func (r *rig) stop() {
	select {
	case <-r.lab.closed:
		return
	default:
	}
	if err := r.lab.Close(); err != nil {
		r.t.Error(err)
	}
	r.server.CloseClientConnections()
	r.server.Close()
}

func must[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// await ends a Task well, or the test.
func (r *rig) await(task *object.Task, err error) *types.TaskInfo {
	r.t.Helper()
	info, err := r.wait(task, err)
	if err != nil {
		r.t.Fatalf("%T %v", faultOf(err), err)
	}
	return info
}

func (r *rig) wait(task *object.Task, err error) (*types.TaskInfo, error) {
	if err != nil {
		return nil, err
	}
	return task.WaitForResult(r.ctx, nil)
}

// refuse expects a Task (or its call) to fail with a fault of the type of want.
func (r *rig) refuse(want types.BaseMethodFault) func(task *object.Task, err error) types.BaseMethodFault {
	return func(task *object.Task, err error) types.BaseMethodFault {
		r.t.Helper()
		_, err = r.wait(task, err)
		return r.expect(want, err)
	}
}

func (r *rig) expect(want types.BaseMethodFault, err error) types.BaseMethodFault {
	r.t.Helper()
	got := faultOf(err)
	if reflect.TypeOf(got) != reflect.TypeOf(want) {
		r.t.Fatalf("want %T, got %T (%v)", want, got, err)
	}
	return got
}

func faultOf(err error) types.BaseMethodFault {
	var holder interface{ Fault() types.BaseMethodFault }
	if errors.As(err, &holder) {
		return holder.Fault()
	}
	if err != nil && soap.IsSoapFault(err) {
		v := reflect.ValueOf(soap.ToSoapFault(err).VimFault())
		p := reflect.New(v.Type())
		p.Elem().Set(v)
		f, _ := p.Interface().(types.BaseMethodFault)
		return f
	}
	return nil
}

func (r *rig) vm(name string) *object.VirtualMachine {
	r.t.Helper()
	return must(r.finder.VirtualMachine(r.ctx, name))(r.t)
}

func (r *rig) props(ref moref) mo.VirtualMachine {
	r.t.Helper()
	var out mo.VirtualMachine
	if err := collect.DefaultCollector(r.c.Client).RetrieveOne(r.ctx, ref, nil, &out); err != nil {
		r.t.Fatal(err)
	}
	return out
}

func (r *rig) mkdir(path string) {
	r.t.Helper()
	if err := r.files.MakeDirectory(r.ctx, path, r.dc, true); err != nil {
		r.t.Fatal(err)
	}
}

func thinSpec(gib int64) *types.FileBackedVirtualDiskSpec { return diskSpecOf(gib, "thin") }

func diskSpecOf(gib int64, kind string) *types.FileBackedVirtualDiskSpec {
	return &types.FileBackedVirtualDiskSpec{
		VirtualDiskSpec: types.VirtualDiskSpec{DiskType: kind, AdapterType: "lsiLogic"}, CapacityKb: gib << 20,
	}
}

func (r *rig) makeDisk(path string, gib int64) {
	r.t.Helper()
	r.await(r.disks.CreateVirtualDisk(r.ctx, path, r.dc, thinSpec(gib)))
}

// attach adds an existing disk in a mode; unit < 0 lets the lab choose.
func (r *rig) attach(vm *object.VirtualMachine, path, mode string, unit int32) (*object.Task, error) {
	d := &types.VirtualDisk{VirtualDevice: types.VirtualDevice{Key: -1, ControllerKey: 1000,
		Backing: &types.VirtualDiskFlatVer2BackingInfo{DiskMode: mode,
			VirtualDeviceFileBackingInfo: types.VirtualDeviceFileBackingInfo{FileName: path}}}}
	if unit >= 0 {
		d.UnitNumber = &unit
	}
	return vm.Reconfigure(r.ctx, types.VirtualMachineConfigSpec{DeviceChange: []types.BaseVirtualDeviceConfigSpec{
		&types.VirtualDeviceConfigSpec{Operation: types.VirtualDeviceConfigSpecOperationAdd, Device: d},
	}})
}

func (r *rig) detach(vm *object.VirtualMachine, key int32) (*object.Task, error) {
	return vm.Reconfigure(r.ctx, types.VirtualMachineConfigSpec{DeviceChange: []types.BaseVirtualDeviceConfigSpec{
		&types.VirtualDeviceConfigSpec{Operation: types.VirtualDeviceConfigSpecOperationRemove,
			Device: &types.VirtualDisk{VirtualDevice: types.VirtualDevice{Key: key}}},
	}})
}

// control calls an HTTP control and decodes its answer into out.
func (r *rig) control(verb, path string, in, out any) int {
	r.t.Helper()
	body, _ := json.Marshal(in)
	if in == nil {
		body = nil
	}
	req, _ := http.NewRequestWithContext(r.ctx, verb, r.server.URL+path, bytes.NewReader(body))
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer res.Body.Close()
	text, _ := io.ReadAll(res.Body)
	if out != nil {
		if err := json.Unmarshal(text, out); err != nil {
			r.t.Fatalf("%s %s: %v in %s", verb, path, err, text)
		}
	}
	return res.StatusCode
}

func (r *rig) do(path string, in any) {
	r.t.Helper()
	if status := r.control(http.MethodPost, path, in, nil); status != http.StatusOK {
		r.t.Fatalf("POST %s: %d", path, status)
	}
}

// eventually polls the lab itself, for what has no Task.
func (r *rig) eventually(what string, ok func() bool) {
	r.t.Helper()
	deadline := time.Now().Add(time.Minute)
	for time.Now().Before(deadline) {
		if ok() {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	r.t.Fatalf("not in time: %s", what)
}

func (r *rig) eventTypes() string {
	r.lab.mu.RLock()
	defer r.lab.mu.RUnlock()
	var out []string
	for _, e := range r.lab.events.events {
		out = append(out, strings.TrimPrefix(typeName(e), "*types."))
	}
	return strings.Join(out, " ")
}
