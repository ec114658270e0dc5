// Package nfs serves a directory by NFS, so that guests can mount the volumes of an NFS datastore: nfs-ganesha in the foreground, NFSv4 over
// TCP on the loopback interface, which a guest reaches as 10.0.2.2. It needs root (handles of files).
package nfs

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"

	"stowage/lab/vcenter/internal/child"
)

// Server is an NFS server that runs.
type Server struct {
	children *child.Starter
	command  *exec.Cmd
	done     chan struct{}
	once     sync.Once
}

// Options say what is served.
type Options struct {
	Dir    string // for its configuration, log and state
	Port   int
	Export string // the directory
	Path   string // what clients call it, as /nfs-1
}

const program = "ganesha.nfsd"

// modules are where Debian, and others, put what serves directories: a package of its own, without which the server runs and has nothing.
var modules = []string{"/usr/lib/*/ganesha/libfsalvfs.so", "/usr/lib*/ganesha/libfsalvfs.so"}

// Installed says what is missing.
func Installed() error {
	_, err := exec.LookPath(program)
	for _, each := range modules {
		if found, _ := filepath.Glob(each); err == nil && len(found) > 0 {
			return nil
		}
	}
	if err == nil {
		err = errors.New("libfsalvfs.so of nfs-ganesha is not there")
	}
	return fmt.Errorf("%w (apt-get install nfs-ganesha nfs-ganesha-vfs)", err)
}

// readyTime is how long it may take to listen: it takes a tenth of a second.
const readyTime = 15 * time.Second

// Graceless: a lab's clients die with their host, and nobody comes to reclaim a lock. Minor versions 1 and 2: with 4.0 the server calls the
// client back, which cannot be reached.
const configuration = `NFS_CORE_PARAM { NFS_Port = %d; NFS_Protocols = 4; Bind_addr = 127.0.0.1; MNT_Port = 0;
  Enable_NLM = false; Enable_RQUOTA = false; Enable_UDP = false; }
NFSv4 { Graceless = true; RecoveryBackend = fs; RecoveryRoot = %q; Minor_Versions = 1, 2; Only_Numeric_Owners = true; }
NFS_KRB5 { Active_krb5 = false; }
EXPORT { Export_Id = 1; Path = %q; Pseudo = %q; Protocols = 4; Transports = TCP; Access_Type = RW; Squash = No_Root_Squash; SecType = sys;
  FSAL { Name = VFS; } }
LOG { Default_Log_Level = WARN; }
`

// Start returns when the server listens. Close ends it; it dies with this program in any case.
func Start(o Options) (*Server, error) {
	err := Installed()
	if err != nil {
		return nil, err
	}
	for _, dir := range []*string{&o.Dir, &o.Export} {
		if *dir, err = filepath.Abs(*dir); err != nil {
			return nil, err
		}
	}
	recovery, conf, log := filepath.Join(o.Dir, "recovery"), filepath.Join(o.Dir, "ganesha.conf"), filepath.Join(o.Dir, "ganesha.log")
	if err = os.MkdirAll(recovery, 0o755); err != nil {
		return nil, err
	}
	_ = os.Remove(log)
	if err = os.WriteFile(conf, fmt.Appendf(nil, configuration, o.Port, recovery, o.Export, o.Path), 0o644); err != nil {
		return nil, err
	}
	if err = awaitFree(o.Port); err != nil {
		return nil, err
	}
	s := &Server{children: child.New(), done: make(chan struct{}), command: exec.Command(program, "-F", "-f", conf, "-L", log, "-p", filepath.Join(o.Dir, "ganesha.pid"))}
	if err = s.children.Start(s.command); err != nil {
		s.children.Close()
		return nil, err
	}
	go func() {
		defer close(s.done)
		_ = s.command.Wait()
	}()
	if err = s.awaitReady(o.Port); err != nil {
		s.Close()
		return nil, fmt.Errorf("%w; see %s", err, log)
	}
	return s, nil
}

func address(port int) string { return fmt.Sprintf("127.0.0.1:%d", port) }

const look = 20 * time.Millisecond

// awaitFree waits for the server of a program that was killed to die: what listens then must be ours.
func awaitFree(port int) error {
	for deadline := time.Now().Add(readyTime / 3); ; time.Sleep(look) {
		l, err := net.Listen("tcp", address(port))
		if err == nil {
			return l.Close()
		}
		if time.Now().After(deadline) {
			return err
		}
	}
}

func (s *Server) awaitReady(port int) error {
	deadline := time.After(readyTime)
	for {
		if c, err := net.Dial("tcp", address(port)); err == nil {
			return c.Close()
		}
		select {
		case <-time.After(look):
		case <-s.done:
			return errors.New("the NFS server ended")
		case <-deadline:
			return errors.New("the NFS server does not listen")
		}
	}
}

// Close kills the server: what it has acknowledged is in the files.
func (s *Server) Close() {
	s.once.Do(func() {
		_ = s.command.Process.Kill()
		<-s.done
		s.children.Close()
	})
}
