package lab

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/vmware/govmomi"
	"github.com/vmware/govmomi/object"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"
)

func (r *rig) folder(verb, path, body string, header http.Header) (int, string) {
	r.t.Helper()
	req, _ := http.NewRequestWithContext(r.ctx, verb, r.server.URL+"/folder/"+path+"?dcPath=lab-dc&dsName=shared-1", strings.NewReader(body))
	req.SetBasicAuth("user", "pass")
	for k, v := range header {
		req.Header[k] = v
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err.Error()
	}
	defer res.Body.Close()
	text, _ := io.ReadAll(res.Body)
	return res.StatusCode, string(text)
}

func TestWithoutASessionNothingIsRead(t *testing.T) {
	r := newRig(t)
	u, _ := soap.ParseURL(r.server.URL + "/sdk")
	u.User = url.UserPassword("user", "wrong")
	_, err := govmomi.NewClient(r.ctx, u, true)
	r.expect(&types.InvalidLogin{}, err)
	r.do("/lab/sessions/drop", nil)
	_, err = r.finder.VirtualMachine(r.ctx, "lab-vm-1")
	r.expect(&types.NotAuthenticated{}, err)
}

func TestFolderWantsLoginAndDeletes(t *testing.T) {
	r := newRig(t)
	anonymous, err := http.Get(r.server.URL + "/folder/x?dsName=shared-1")
	if err != nil || anonymous.StatusCode != http.StatusUnauthorized {
		t.Fatal(anonymous.StatusCode, err)
	}
	for _, c := range []struct {
		verb, path, body string
		want             int
	}{
		{"PUT", "none/a.txt", "x", 404}, {"PUT", "a.txt", "hello world", 201}, {"PUT", "a.txt", "hello", 200}, {"GET", "a.txt", "", 200},
		{"GET", "../../x", "", 404}, {"HEAD", "a.txt", "", 200}, {"DELETE", "a.txt", "", 204}, {"DELETE", "a.txt", "", 404}, {"GET", "a.txt", "", 404},
	} {
		if got, text := r.folder(c.verb, c.path, c.body, nil); got != c.want {
			t.Errorf("%s %s: %d %s", c.verb, c.path, got, text)
		}
	}
	r.folder("PUT", "b", "0123456789", nil)
	if got, text := r.folder("GET", "b", "", http.Header{"Range": {"bytes=3-5"}}); got != 206 || text != "345" {
		t.Errorf("%d %q", got, text)
	}
	r.do("/lab/http-faults", map[string]any{"path": "/folder", "verb": "PUT", "status": 503})
	if got, _ := r.folder("PUT", "b", "x", nil); got != 503 {
		t.Error(got)
	}
	r.do("/lab/http-faults", map[string]any{"path": "/folder", "verb": "PUT", "status": "drop", "when": "after"})
	if got, _ := r.folder("PUT", "c", "x", nil); got != 0 {
		t.Error(got)
	}
	if got, _ := r.folder("GET", "c", "", nil); got != 200 {
		t.Error("the upload had no effect")
	}
}

func TestAnUploadedDiskCanBeAttachedAndIsNotOverwrittenWhileOpen(t *testing.T) {
	r := newRig(t)
	r.mkdir("[shared-1] up")
	descriptor := "# Disk DescriptorFile\nversion=1\nCID=1\nparentCID=ffffffff\ncreateType=\"vmfs\"\n\nRW 2048 VMFS \"d-flat.vmdk\"\n"
	r.folder("PUT", "up/d-flat.vmdk", string(bytes.Repeat([]byte{0}, 1<<20)), nil)
	r.folder("PUT", "up/d.vmdk", descriptor, nil)
	vm := r.vm("lab-vm-1")
	r.await(r.attach(vm, "[shared-1] up/d.vmdk", "persistent", -1))
	if got, _ := r.folder("PUT", "up/d-flat.vmdk", "x", nil); got != 500 {
		t.Error(got)
	}
	if got, _ := r.folder("DELETE", "up/d.vmdk", "", nil); got != 500 {
		t.Error(got)
	}
}

func TestFaultsAreInjectedAsOftenAsAsked(t *testing.T) {
	r := newRig(t)
	create := func(name string) error {
		_, err := r.wait(r.disks.CreateVirtualDisk(r.ctx, "[shared-1] "+name+".vmdk", r.dc, thinSpec(1)))
		return err
	}
	r.do("/lab/faults", map[string]any{"method": "CreateVirtualDisk_Task", "fault": "TaskInProgress", "count": 2})
	r.expect(&types.TaskInProgress{}, create("a"))
	r.expect(&types.TaskInProgress{}, create("a"))
	if err := create("a"); err != nil {
		t.Fatal(err)
	}
	r.do("/lab/faults", map[string]any{"method": "CreateVirtualDisk_Task", "fault": "FileLocked", "when": "after", "match": "b.vmdk"})
	if err := create("c"); err != nil {
		t.Fatal(err)
	}
	f := r.expect(&types.FileLocked{}, create("b")).(*types.FileLocked)
	if f.File != "[shared-1] b.vmdk" {
		t.Error(f.File)
	}
	r.expect(&types.FileAlreadyExists{}, create("b"))
	r.do("/lab/faults", map[string]any{"method": "CreateVirtualDisk_Task", "fault": "NoPermission", "as": "fault", "count": -1})
	_, err := r.disks.CreateVirtualDisk(r.ctx, "[shared-1] d.vmdk", r.dc, thinSpec(1))
	r.expect(&types.NoPermission{}, err)
	r.do("/lab/reset", nil)
	if err := create("d"); err != nil {
		t.Fatal(err)
	}
	if got := r.control("POST", "/lab/faults", map[string]any{"method": "Nope", "fault": "X"}, nil); got != 400 {
		t.Error(got)
	}
}

func TestADroppedAnswerLeavesItsEffect(t *testing.T) {
	r := newRig(t)
	r.do("/lab/drops", map[string]any{"method": "CreateVirtualDisk_Task", "when": "after"})
	if _, err := r.disks.CreateVirtualDisk(r.ctx, "[shared-1] a.vmdk", r.dc, thinSpec(1)); err == nil {
		t.Fatal("there was an answer")
	}
	var tasks []taskReport
	r.eventually("the Task ends", func() bool {
		r.control("GET", "/lab/tasks?method=CreateVirtualDisk_Task", nil, &tasks)
		return len(tasks) == 1 && tasks[0].State == "success"
	})
	if tasks[0].Args[0] != "[shared-1] a.vmdk" {
		t.Errorf("%+v", tasks[0])
	}
	r.do("/lab/drops", map[string]any{"method": "CreateVirtualDisk_Task", "when": "before"})
	if _, err := r.disks.CreateVirtualDisk(r.ctx, "[shared-1] b.vmdk", r.dc, thinSpec(1)); err == nil {
		t.Fatal("there was an answer")
	}
	r.control("GET", "/lab/tasks?method=CreateVirtualDisk_Task", nil, &tasks)
	if len(tasks) != 1 {
		t.Errorf("%+v", tasks)
	}
}

func TestSlowTasksRunSideBySideCanBeCancelledAndLetGo(t *testing.T) {
	r := newRig(t)
	r.do("/lab/task-latency", map[string]any{"method": "CreateVirtualDisk_Task", "ms": 600_000})
	var tasks []*object.Task
	for _, name := range strings.Split("abcdefghijklmnop", "") {
		tasks = append(tasks, must(r.disks.CreateVirtualDisk(r.ctx, "[shared-1] "+name+".vmdk", r.dc, thinSpec(1)))(t))
	}
	r.eventually("all run", func() bool {
		var reports []taskReport
		r.control("GET", "/lab/tasks?method=CreateVirtualDisk_Task", nil, &reports)
		running := 0
		for _, report := range reports {
			if report.State == "running" {
				running++
			}
		}
		return running == len(tasks)
	})
	if err := tasks[0].Cancel(r.ctx); err != nil {
		t.Fatal(err)
	}
	r.refuse(&types.RequestCanceled{})(tasks[0], nil)
	r.do("/lab/task-latency", map[string]any{"method": "CreateVirtualDisk_Task", "ms": 0})
	for _, task := range tasks[1:] {
		r.await(task, nil)
	}
	if r.lab.disks["[shared-1] a.vmdk"] != nil {
		t.Error("a cancelled Task took effect")
	}
}

func TestAWaitEndsWhenTheClientHangsUp(t *testing.T) {
	r := newRig(t)
	w := r.watch([]string{"Datastore"}, []types.PropertySpec{{Type: "Datastore", PathSet: []string{"name"}}})
	w.next()
	ctx, cancel := context.WithTimeout(r.ctx, 50*time.Millisecond)
	defer cancel()
	seconds := int32(60)
	_, err := methods.WaitForUpdatesEx(ctx, r.c.Client, &types.WaitForUpdatesEx{This: w.pc, Version: w.version, Options: &types.WaitOptions{MaxWaitSeconds: &seconds}})
	if err == nil {
		t.Fatal("it answered")
	}
	if set, err := w.call(w.version, 0); set != nil || err != nil {
		t.Fatal(set, err)
	}
}

func TestKnownTrapsAreFaults(t *testing.T) {
	r := newRig(t)
	vm := r.vm("lab-vm-1")
	r.await(vm.Reconfigure(r.ctx, types.VirtualMachineConfigSpec{ExtraConfig: []types.BaseOptionValue{
		&types.OptionValue{Key: "SET.nonsense.path", Value: "x"}}}))
	guest := must(object.NewVirtualMachine(r.c.Client, vm.Reference()).PowerState(r.ctx))(t)
	if guest != "poweredOn" {
		t.Error(guest)
	}
	_, err := methods.StartProgramInGuest(r.ctx, r.c.Client, &types.StartProgramInGuest{
		This: types.ManagedObjectReference{Type: "GuestProcessManager", Value: "guestOperationsProcessManager"}, Vm: vm.Reference(),
		Auth: &types.NamePasswordAuthentication{}, Spec: &types.GuestProgramSpec{}})
	if err == nil {
		t.Error("a program ran")
	}
	if status := r.control("GET", "/lab/", nil, nil); status != 200 {
		t.Error(status)
	}
}

func TestControlsAreListedAndOtherPathsAreRefusedAsJSON(t *testing.T) {
	r := newRig(t)
	for _, path := range []string{"/lab", "/lab/"} {
		var list []map[string]string
		if status := r.control("GET", path, nil, &list); status != http.StatusOK || len(list) == 0 {
			t.Fatal(path, status, list)
		}
	}
	var refusal map[string]string
	if status := r.control("POST", "/lab/nothing", nil, &refusal); status != http.StatusNotFound || refusal["error"] == "" {
		t.Fatal(status, refusal)
	}
}
