package lab

import (
	"fmt"
	"path/filepath"

	"stowage/lab/vcenter/internal/nfs"
)

const nfsDatastore = "nfs-1"

// nfsAddress is remoteHost and remotePath of the NFS datastore. With a server it is what a guest can mount: the host, as a guest's network
// has it, with the port, for which vSphere has no place.
func (l *Lab) nfsAddress(name string) (host, path string) {
	if l.opt.NFSPort == 0 {
		return "nfs.lab", "/export/" + name
	}
	return fmt.Sprintf("10.0.2.2:%d", l.opt.NFSPort), "/" + name
}

func (l *Lab) serveNFS() (*nfs.Server, error) {
	_, path := l.nfsAddress(nfsDatastore)
	return nfs.Start(nfs.Options{Dir: filepath.Join(l.opt.Dir, "nfs"), Port: l.opt.NFSPort, Export: l.datastoreNamed(nfsDatastore).dir, Path: path})
}
