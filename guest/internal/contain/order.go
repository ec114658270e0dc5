// Package contain starts processes within the container: its own namespaces, root, devices, user and capabilities. The agent starts itself
// again for that, as `/init contain`; what that second stage is to do comes as an Order.
package contain

import (
	"encoding/json"
	"errors"
	"os"
	"syscall"
	"time"

	"stowage/guest/internal/process"
	"stowage/guest/internal/spec"
)

// Word is the argument by which the agent knows that it is the second stage.
const Word = "contain"

// Order is what the second stage does. With Join it goes into the namespaces of that process; otherwise it makes them, with its root at Root.
type Order struct {
	Root         string
	Join         int
	Argv         []string
	Env          []string
	User         string
	Groups       []string
	WorkingDir   string
	TTY          bool
	Rows, Cols   uint16
	Capabilities uint64
	Privileged   bool
	NoNewPrivs   bool
	Sysctls      map[string]string
	Tmpfs        map[string]string
	ShmSize      int64
	Ulimits      []spec.Ulimit
}

// Descriptors of the second stage.
const (
	reportFD = 3
	orderFD  = 4
)

// Started is a process that runs what was ordered.
type Started struct {
	*process.Process
	// Terminal is the side of the pseudo terminal that is ours, or nil.
	Terminal *os.File
}

const startWithin = 60 * time.Second

// Start carries an order out. files are its standard input, output and error, unless it has a terminal. A *spec.Failure says what Docker would.
func Start(order Order, files [3]*os.File, cgroup int) (*Started, error) {
	pair, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_SEQPACKET|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("socketpair", err)
	}
	defer syscall.Close(pair[0])
	orderR, orderW, err := os.Pipe()
	if err != nil {
		_ = syscall.Close(pair[1])
		return nil, err
	}
	attr := &syscall.ProcAttr{
		Dir:   "/",
		Env:   []string{},
		Files: []uintptr{files[0].Fd(), files[1].Fd(), files[2].Fd(), uintptr(pair[1]), orderR.Fd()},
		Sys:   &syscall.SysProcAttr{Setsid: true, UseCgroupFD: cgroup != 0, CgroupFD: cgroup},
	}
	namespace := 0
	if order.Join == 0 {
		attr.Sys.Cloneflags = syscall.CLONE_NEWPID | syscall.CLONE_NEWNS | syscall.CLONE_NEWIPC
	} else {
		file, err := os.Open(namespacePath(order.Join, "pid"))
		if err != nil {
			return nil, err
		}
		defer file.Close()
		namespace = int(file.Fd())
	}
	p, err := process.Start([]string{"/init", Word}, attr, namespace)
	_ = syscall.Close(pair[1])
	_ = orderR.Close()
	if err != nil {
		_ = orderW.Close()
		return nil, err
	}
	_ = json.NewEncoder(orderW).Encode(order) // that the stage has ended shows below
	_ = orderW.Close()
	started := &Started{Process: p}
	if err := started.hear(pair[0]); err != nil {
		_ = p.Kill(syscall.SIGKILL)
		if started.Terminal != nil {
			_ = started.Terminal.Close()
		}
		return nil, err
	}
	return started, nil
}

// hear takes the terminal, and waits for the end of the reports: it is closed when the program is executed.
func (s *Started) hear(fd int) error {
	timeout := syscall.NsecToTimeval(int64(startWithin))
	_ = syscall.SetsockoptTimeval(fd, syscall.SOL_SOCKET, syscall.SO_RCVTIMEO, &timeout)
	buffer, rights := make([]byte, 8<<10), make([]byte, 64)
	for {
		size, rightsSize, _, _, err := syscall.Recvmsg(fd, buffer, rights, syscall.MSG_CMSG_CLOEXEC)
		if errors.Is(err, syscall.EINTR) {
			continue
		}
		if err != nil {
			return os.NewSyscallError("recvmsg", err)
		}
		if size == 0 {
			return nil
		}
		if rightsSize > 0 {
			if err := s.takeTerminal(rights[:rightsSize]); err != nil {
				return err
			}
			continue
		}
		failure := &spec.Failure{}
		if json.Unmarshal(buffer[:size], failure) != nil {
			return errors.New("the second stage said something strange")
		}
		return failure
	}
}

func (s *Started) takeTerminal(rights []byte) error {
	messages, err := syscall.ParseSocketControlMessage(rights)
	if err != nil || len(messages) != 1 {
		return errors.New("no terminal came")
	}
	fds, err := syscall.ParseUnixRights(&messages[0])
	if err != nil || len(fds) != 1 {
		return errors.New("no terminal came")
	}
	// Not blocking, so that reading it can be ended.
	_ = syscall.SetNonblock(fds[0], true)
	s.Terminal = os.NewFile(uintptr(fds[0]), "terminal")
	return nil
}
