package main

import (
	"os"
	"sync"
	"syscall"
)

// pipeBytes: with Linux's 64 KiB a process that writes much is stopped and woken for every other record.
const pipeBytes = 256 << 10

func errnoOf(errno syscall.Errno) error {
	if errno == 0 {
		return nil
	}
	return errno
}

// pipes are a process's standard files without a terminal: theirs go to it, the others stay here.
type pipes struct {
	theirs                [3]*os.File
	stdin, stdout, stderr *os.File
}

func openPipes(tty, wantsInput bool) (*pipes, error) {
	p := &pipes{}
	null, err := os.OpenFile("/dev/null", os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	if tty {
		p.theirs = [3]*os.File{null, null, null}
		return p, nil
	}
	p.theirs[0] = null
	if wantsInput {
		_ = null.Close()
		if p.theirs[0], p.stdin, err = os.Pipe(); err != nil {
			return nil, err
		}
	}
	if p.stdout, p.theirs[1], err = os.Pipe(); err != nil {
		return nil, err
	}
	if p.stderr, p.theirs[2], err = os.Pipe(); err != nil {
		return nil, err
	}
	for _, each := range []*os.File{p.stdout, p.stderr} {
		// One that stays as it is works as well.
		_ = withFD(each, func(fd int) error {
			_, _, errno := syscall.Syscall(syscall.SYS_FCNTL, uintptr(fd), syscall.F_SETPIPE_SZ, pipeBytes)
			return errnoOf(errno)
		})
	}
	return p, nil
}

func (p *pipes) closeTheirs() {
	for _, each := range p.theirs {
		if each != nil {
			_ = each.Close()
		}
	}
}

func (p *pipes) closeOurs() {
	for _, each := range []*os.File{p.stdin, p.stdout, p.stderr} {
		if each != nil {
			_ = each.Close()
		}
	}
}

// input is a process's standard input: several may write to it, one after the other.
type input struct {
	mu         sync.Mutex
	file       *os.File // nil: there is none, or no more
	isTerminal bool
}

func newInput(file *os.File, isTerminal bool) *input {
	return &input{file: file, isTerminal: isTerminal}
}

func (i *input) Write(from []byte) (int, error) {
	i.mu.Lock()
	file := i.file
	i.mu.Unlock()
	if file == nil {
		return 0, os.ErrClosed
	}
	return file.Write(from)
}

// close ends the process's input. A terminal has no such end: who is at it types one, as with Docker.
func (i *input) close() {
	i.mu.Lock()
	file := i.file
	if !i.isTerminal {
		i.file = nil
	}
	i.mu.Unlock()
	if file != nil && !i.isTerminal {
		_ = file.Close()
	}
}

// withFD uses a file's descriptor without making it blocking, as Fd would.
func withFD(file *os.File, use func(fd int) error) error {
	raw, err := file.SyscallConn()
	if err != nil {
		return err
	}
	var inner error
	if err := raw.Control(func(fd uintptr) { inner = use(int(fd)) }); err != nil {
		return err
	}
	return inner
}
