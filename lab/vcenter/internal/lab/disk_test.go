package lab

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/vmware/govmomi/object"
	"github.com/vmware/govmomi/vim25/types"

	"stowage/lab/vcenter/internal/vmdk"
)

func TestACreatedDiskHasDescriptorExtentAndUUID(t *testing.T) {
	r := newRig(t)
	r.mkdir("[shared-1] v/a")
	r.makeDisk("[shared-1] v/a/a.vmdk", 2)
	dir := filepath.Join(r.lab.opt.Dir, "datastores", "shared-1", "v", "a")
	flat := must(os.Stat(filepath.Join(dir, "a-flat.vmdk")))(t)
	if flat.Size() != 2<<30 || vmdk.AllocatedBytes(flat) != 0 {
		t.Errorf("extent is %d bytes, %d allocated", flat.Size(), vmdk.AllocatedBytes(flat))
	}
	text := string(must(os.ReadFile(filepath.Join(dir, "a.vmdk")))(t))
	for _, want := range []string{`RW 4194304 VMFS "a-flat.vmdk"`, `createType="vmfs"`, `ddb.adapterType = "lsilogic"`, `ddb.uuid = "60 00 C2 9`} {
		if !strings.Contains(text, want) {
			t.Errorf("descriptor lacks %s:\n%s", want, text)
		}
	}
	first := must(r.disks.QueryVirtualDiskUuid(r.ctx, "[shared-1] v/a/a.vmdk", r.dc))(t)
	r.await(r.disks.MoveVirtualDisk(r.ctx, "[shared-1] v/a/a.vmdk", r.dc, "[shared-2] b.vmdk", r.dc, false))
	if moved := must(r.disks.QueryVirtualDiskUuid(r.ctx, "[shared-2] b.vmdk", r.dc))(t); moved != first {
		t.Errorf("uuid changed by a move: %s, %s", first, moved)
	}
	r.await(r.disks.CopyVirtualDisk(r.ctx, "[shared-2] b.vmdk", r.dc, "[nfs-1] c.vmdk", r.dc, nil, false))
	if copied := must(r.disks.QueryVirtualDiskUuid(r.ctx, "[nfs-1] c.vmdk", r.dc))(t); copied == first {
		t.Error("a copy has its source's uuid")
	}
	if text := string(must(os.ReadFile(filepath.Join(r.lab.opt.Dir, "datastores", "nfs-1", "c.vmdk")))(t)); !strings.Contains(text, `"c-flat.vmdk"`) {
		t.Errorf("copy names another extent:\n%s", text)
	}
	if err := r.disks.SetVirtualDiskUuid(r.ctx, "[nfs-1] c.vmdk", r.dc, "6000C290-1111-2222-3333-444455556666"); err != nil {
		t.Fatal(err)
	}
	if got := must(r.disks.QueryVirtualDiskUuid(r.ctx, "[nfs-1] c.vmdk", r.dc))(t); got != "60 00 C2 90 11 11 22 22-33 33 44 44 55 55 66 66" {
		t.Error(got)
	}
	r.await(r.disks.DeleteVirtualDisk(r.ctx, "[nfs-1] c.vmdk", r.dc))
	if left, _ := filepath.Glob(filepath.Join(r.lab.opt.Dir, "datastores", "nfs-1", "*")); len(left) > 0 {
		t.Error(left)
	}
	r.refuse(&types.FileNotFound{})(r.disks.DeleteVirtualDisk(r.ctx, "[nfs-1] c.vmdk", r.dc))
}

func TestBadDisksAreRefused(t *testing.T) {
	r := newRig(t)
	for _, c := range []struct {
		path string
		spec types.BaseVirtualDiskSpec
		want types.BaseMethodFault
	}{
		{"[shared-1] a.vmdk", thinSpec(0), &types.InvalidArgument{}},
		{"[shared-1] a.vmdk", thinSpec(63 << 10), &types.InvalidArgument{}},
		{"[shared-1] a.vmdk", diskSpecOf(1, "bogus"), &types.InvalidArgument{}},
		{"[shared-1] a", thinSpec(1), &types.InvalidDatastorePath{}},
		{"[shared-1] ../a.vmdk", thinSpec(1), &types.InvalidDatastorePath{}},
		{"[nowhere] a.vmdk", thinSpec(1), &types.InvalidDatastorePath{}},
		{"[shared-1] none/a.vmdk", thinSpec(1), &types.FileNotFound{}},
		{"[shared-1] a.vmdk", diskSpecOf(2048, "eagerZeroedThick"), &types.NoDiskSpace{}},
	} {
		r.refuse(c.want)(r.disks.CreateVirtualDisk(r.ctx, c.path, r.dc, c.spec))
	}
	r.makeDisk("[shared-1] a.vmdk", 1)
	f := r.refuse(&types.FileAlreadyExists{})(r.disks.CreateVirtualDisk(r.ctx, "[shared-1] a.vmdk", r.dc, thinSpec(1)))
	if file := f.(*types.FileAlreadyExists).File; file != "[shared-1] a.vmdk" {
		t.Errorf("fault names %q", file)
	}
}

func TestAThickDiskTakesItsWholeSizeAndExtendRefusesToShrink(t *testing.T) {
	r := newRig(t)
	free := func() int64 { return r.lab.datastoreNamed("shared-2").ds.Summary.FreeSpace }
	all := free()
	r.await(r.disks.CreateVirtualDisk(r.ctx, "[shared-2] t.vmdk", r.dc, diskSpecOf(10, "eagerZeroedThick")))
	if got := all - free(); got != 10<<30 {
		t.Errorf("took %d", got)
	}
	extend := func(gib int64) (*object.Task, error) {
		return extendDiskTask(r, "[shared-2] t.vmdk", gib)
	}
	r.refuse(&types.InvalidArgument{})(extend(9))
	r.await(extend(20))
	if got := all - free(); got != 20<<30 {
		t.Errorf("took %d after extend", got)
	}
	r.await(r.disks.DeleteVirtualDisk(r.ctx, "[shared-2] t.vmdk", r.dc))
	if free() != all {
		t.Errorf("free %d of %d after delete", free(), all)
	}
}

func TestOfManyCreatesOfOneDiskOneWins(t *testing.T) {
	r := newRig(t)
	var wg sync.WaitGroup
	var mu sync.Mutex
	won := 0
	for range 16 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			_, err := r.wait(r.disks.CreateVirtualDisk(r.ctx, "[shared-1] race.vmdk", r.dc, thinSpec(1)))
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				won++
			} else if _, ok := faultOf(err).(*types.FileAlreadyExists); !ok {
				t.Errorf("%T %v", faultOf(err), err)
			}
		}()
	}
	wg.Wait()
	if won != 1 {
		t.Errorf("%d won", won)
	}
}

func TestADiskIsCopiedToSeveralAtOnceButNotDeletedMeanwhile(t *testing.T) {
	r := newRig(t)
	r.makeDisk("[shared-1] a.vmdk", 1)
	flat := filepath.Join(r.lab.opt.Dir, "datastores", "shared-1", "a-flat.vmdk")
	f := must(os.OpenFile(flat, os.O_WRONLY, 0))(t)
	_, _ = f.WriteAt(make([]byte, 8<<20), 0)
	_, _ = f.WriteAt([]byte("tail"), 1<<30-4)
	_ = f.Close()
	var tasks []*object.Task
	for _, name := range []string{"b", "c", "d"} {
		tasks = append(tasks, must(r.disks.CopyVirtualDisk(r.ctx, "[shared-1] a.vmdk", r.dc, "[shared-2] "+name+".vmdk", r.dc, nil, false))(t))
	}
	for _, task := range tasks {
		r.await(task, nil)
	}
	info := must(os.Stat(filepath.Join(r.lab.opt.Dir, "datastores", "shared-2", "d-flat.vmdk")))(t)
	if info.Size() != 1<<30 || vmdk.AllocatedBytes(info) > 16<<20 {
		t.Errorf("%d bytes, %d allocated", info.Size(), vmdk.AllocatedBytes(info))
	}
	r.await(r.disks.DeleteVirtualDisk(r.ctx, "[shared-1] a.vmdk", r.dc))
}
