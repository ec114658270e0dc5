// Package process starts processes for process 1, and reaps them and every orphan. Nothing else may wait: os/exec would race with it.
package process

import (
	"os"
	"os/signal"
	"runtime"
	"sync"
	"syscall"
)

// Process is one that was started.
type Process struct {
	PID int
	// Done is closed when it has ended; then Code is valid.
	Done chan struct{}
	// Code is its exit code: 128 and the signal, when one killed it.
	Code int
	// Signal is what killed it, or 0.
	Signal syscall.Signal
}

var (
	mu    sync.Mutex
	known = map[int]*Process{}
)

// Reap waits for every child that ends. It does not return.
func Reap() {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGCHLD)
	for range signals {
		for reapOne() {
		}
	}
}

func reapOne() bool {
	// Under the lock: a pid can be given again only once its number is out of known.
	mu.Lock()
	defer mu.Unlock()
	var status syscall.WaitStatus
	pid, err := syscall.Wait4(-1, &status, syscall.WNOHANG, nil)
	if err == syscall.EINTR {
		return true
	}
	if err != nil || pid <= 0 {
		return false
	}
	if p := known[pid]; p != nil {
		delete(known, pid)
		if status.Signaled() {
			p.Signal = status.Signal()
			p.Code = 128 + int(p.Signal)
		} else {
			p.Code = status.ExitStatus()
		}
		close(p.Done)
	}
	return true
}

// Start starts a program. pidNamespace, if it is not 0, is a descriptor of the pid namespace that it shall be in.
func Start(argv []string, attr *syscall.ProcAttr, pidNamespace int) (*Process, error) {
	if pidNamespace == 0 {
		return start(argv, attr)
	}
	type result struct {
		p   *Process
		err error
	}
	results := make(chan result)
	go func() {
		// Never unlocked: the thread, whose children would all go there, ends with the goroutine.
		runtime.LockOSThread()
		_, _, errno := syscall.RawSyscall(sysSetns, uintptr(pidNamespace), syscall.CLONE_NEWPID, 0)
		if errno != 0 {
			results <- result{nil, os.NewSyscallError("setns", errno)}
			return
		}
		p, err := start(argv, attr)
		results <- result{p, err}
	}()
	r := <-results
	return r.p, r.err
}

const sysSetns = 308

func start(argv []string, attr *syscall.ProcAttr) (*Process, error) {
	mu.Lock()
	defer mu.Unlock()
	pid, err := syscall.ForkExec(argv[0], argv, attr)
	if err != nil {
		return nil, &os.PathError{Op: "exec", Path: argv[0], Err: err}
	}
	p := &Process{PID: pid, Done: make(chan struct{})}
	known[pid] = p
	return p, nil
}

// Kill sends a signal, unless it has ended.
func (p *Process) Kill(sig syscall.Signal) error {
	mu.Lock()
	defer mu.Unlock()
	if known[p.PID] != p {
		return syscall.ESRCH
	}
	return syscall.Kill(p.PID, sig)
}
