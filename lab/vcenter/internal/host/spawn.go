package host

import (
	"errors"
	"net"
	"os"
	"os/exec"
	"runtime"
	"syscall"
)

var errClosed = errors.New("this host has been switched off")

// spawner starts processes that die with this program, also with kill -9 of it. Linux counts the death of the thread that forked
// (prctl(2), PR_SET_PDEATHSIG), so one thread forks them all, and lives until they are gone.
type spawner struct {
	requests chan spawnRequest
	closed   chan struct{}
}

type spawnRequest struct {
	command *exec.Cmd
	started chan error
}

func newSpawner() *spawner {
	s := &spawner{make(chan spawnRequest), make(chan struct{})}
	go func() {
		runtime.LockOSThread()
		for {
			select {
			case r := <-s.requests:
				r.started <- r.command.Start()
			case <-s.closed:
				return
			}
		}
	}()
	return s
}

// start runs the command in its own process group: a terminal's Ctrl-C is for this program only.
func (s *spawner) start(c *exec.Cmd) error {
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	r := spawnRequest{c, make(chan error, 1)}
	select {
	case s.requests <- r:
		return <-r.started
	case <-s.closed:
		return errClosed
	}
}

// close ends the thread; whatever still runs dies with it.
func (s *spawner) close() { close(s.closed) }

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
