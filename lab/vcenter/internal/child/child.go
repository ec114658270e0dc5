// Package child starts processes that do not outlive this program.
package child

import (
	"errors"
	"os/exec"
	"runtime"
	"syscall"
)

// ErrClosed is Start's answer after Close.
var ErrClosed = errors.New("no process is started any more")

// Starter starts processes that die with this program, also with kill -9 of it. Linux counts the death of the thread that forked
// (prctl(2), PR_SET_PDEATHSIG), so one thread forks them all, and lives until they are gone.
type Starter struct {
	requests chan request
	closed   chan struct{}
}

type request struct {
	command *exec.Cmd
	started chan error
}

// New starts the thread.
func New() *Starter {
	s := &Starter{make(chan request), make(chan struct{})}
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

// Start runs the command in its own process group: a terminal's Ctrl-C is for this program only.
func (s *Starter) Start(c *exec.Cmd) error {
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	r := request{c, make(chan error, 1)}
	select {
	case s.requests <- r:
		return <-r.started
	case <-s.closed:
		return ErrClosed
	}
}

// Close ends the thread; whatever still runs dies with it.
func (s *Starter) Close() { close(s.closed) }
