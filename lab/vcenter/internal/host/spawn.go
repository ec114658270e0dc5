package host

import (
	"net"
	"os"
	"os/exec"
	"runtime"
	"syscall"
)

// spawner starts processes that die with this program, also with kill -9 of it. Linux counts the death of the thread that forked
// (prctl(2), PR_SET_PDEATHSIG), so one thread forks them all, and lives until they are gone.
type spawner struct{ requests chan spawnRequest }

type spawnRequest struct {
	command *exec.Cmd
	started chan error
}

func newSpawner() *spawner {
	s := &spawner{requests: make(chan spawnRequest)}
	go func() {
		runtime.LockOSThread()
		for r := range s.requests {
			r.started <- r.command.Start()
		}
	}()
	return s
}

// start runs the command in its own process group: a terminal's Ctrl-C is for this program only.
func (s *spawner) start(c *exec.Cmd) error {
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	r := spawnRequest{c, make(chan error, 1)}
	s.requests <- r
	return <-r.started
}

// close ends the thread; whatever still runs dies with it.
func (s *spawner) close() { close(s.requests) }

// socketPair is a connection to a child: our end, and the file it inherits. No name in the file system is left behind.
func socketPair() (net.Conn, *os.File, error) {
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, err
	}
	ours, theirs := os.NewFile(uintptr(fds[0]), "ours"), os.NewFile(uintptr(fds[1]), "theirs")
	defer ours.Close()
	conn, err := net.FileConn(ours)
	if err != nil {
		theirs.Close()
		return nil, nil, err
	}
	return conn, theirs, nil
}
