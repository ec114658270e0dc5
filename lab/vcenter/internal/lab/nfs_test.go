package lab

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/types"

	hypervisor "stowage/lab/vcenter/internal/host"
	"stowage/lab/vcenter/internal/host/guesttest"
	"stowage/lab/vcenter/internal/nfs"
)

func TestAGuestMountsTheNFSDatastore(t *testing.T) {
	if err := nfs.Installed(); err != nil || os.Getuid() != 0 {
		t.Skip("no NFS server, or not root: ", err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	_ = l.Close()
	r := rigWith(t, Options{Dir: t.TempDir(), User: "user", Password: "pass", Hosts: 3, NFSPort: port,
		Guests: hypervisor.Config{Guest: guesttest.Dir(t), MemoryMiB: 600}})
	ds := must(r.finder.Datastore(r.ctx, nfsDatastore))(t)
	var props mo.Datastore
	if err = ds.Properties(r.ctx, ds.Reference(), []string{"info"}, &props); err != nil {
		t.Fatal(err)
	}
	nas := props.Info.(*types.NasDatastoreInfo).Nas
	if nas.RemoteHost != fmt.Sprintf("10.0.2.2:%d", port) || nas.RemotePath != "/"+nfsDatastore {
		t.Errorf("%+v", nas)
	}
	vm := r.container("n", 128, map[string]string{"guestinfo.share": fmt.Sprintf("%d:%s", port, nas.RemotePath)})
	r.await(vm.PowerOn(r.ctx))
	r.untilInfo(vm, "guestinfo.mounted", "ok")
	text, err := os.ReadFile(filepath.Join(r.lab.datastoreNamed(nfsDatastore).dir, "from-guest"))
	if err != nil || string(text) != "hello" {
		t.Error(err, string(text))
	}
}
