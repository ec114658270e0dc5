package main

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"stowage/guest/internal/cgroup"
	"stowage/guest/internal/contain"
	"stowage/guest/internal/output"
	"stowage/guest/internal/rootfs"
	"stowage/guest/internal/spec"
)

const defaultPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// container is the process and what goes in and out of it.
type container struct {
	session *session
	spec    spec.Container
	group   *os.File

	mu        sync.Mutex
	running   *contain.Started
	stdin     *input
	execs     map[string]*contain.Started
	stopping  *time.Timer
	oomKilled bool
	seen      []string // the last signals' `once`
}

func newContainer(m *machine) *container {
	return &container{session: m.session, execs: map[string]*contain.Started{}}
}

// run starts the process and waits for its end.
func (b *container) run(m *machine) (int, error) {
	b.spec = m.document.Spec
	settings := m.status.Settings
	group, err := cgroup.Make(settings.MemoryBytes, settings.NanoCPUs, b.spec.Engine.HostConfig.PidsLimit)
	if err != nil {
		return 0, err
	}
	b.group = group
	order, err := b.order()
	if err != nil {
		return 0, err
	}
	if b.spec.Engine.HostConfig.ReadonlyRootfs {
		if err := m.tree.ReadOnly(); err != nil {
			return 0, err
		}
	}
	started, err := b.start(order)
	if err != nil {
		return 0, err
	}
	b.session.say(state{State: "running", PID: started.PID})
	<-started.Done
	b.mu.Lock()
	b.oomKilled = cgroup.OOMKilled()
	if b.stopping != nil {
		b.stopping.Stop()
	}
	b.mu.Unlock()
	return started.Code, nil
}

func (b *container) order() (contain.Order, error) {
	argv := slices.Concat(b.spec.Entrypoint, b.spec.Command)
	if len(argv) == 0 {
		return contain.Order{}, &spec.Failure{Code: 125, Message: "no command specified"}
	}
	host := b.spec.Engine.HostConfig
	order := contain.Order{
		Root: rootfs.Root, Argv: argv, Env: b.environment(b.spec.TTY, b.spec.Env), User: b.spec.User, Groups: host.GroupAdd,
		WorkingDir: b.spec.WorkingDir, TTY: b.spec.TTY, Privileged: host.Privileged, Sysctls: host.Sysctls, Tmpfs: host.Tmpfs,
		ShmSize: host.ShmSize, Ulimits: host.Ulimits, NoNewPrivs: b.noNewPrivs(),
		Capabilities: contain.Capabilities(host.Privileged, host.CapAdd, host.CapDrop),
	}
	if len(host.ConsoleSize) == 2 {
		order.Rows, order.Cols = host.ConsoleSize[0], host.ConsoleSize[1]
	}
	return order, nil
}

func (b *container) noNewPrivs() bool {
	for _, each := range b.spec.Engine.HostConfig.SecurityOpt {
		if option := strings.ReplaceAll(each, "=", ":"); option == "no-new-privileges" || option == "no-new-privileges:true" {
			return true
		}
	}
	return false
}

// environment: what Docker sets, and over it what was asked for; a name alone takes a variable away.
func (b *container) environment(tty bool, layers ...[]string) []string {
	env := []string{defaultPath, "HOSTNAME=" + b.spec.Hostname}
	if tty {
		env = append(env, "TERM=xterm")
	}
	for _, each := range slices.Concat(layers...) {
		name, _, hasValue := strings.Cut(each, "=")
		at := slices.IndexFunc(env, func(known string) bool { return strings.HasPrefix(known, name+"=") })
		switch {
		case at >= 0 && hasValue:
			env[at] = each
		case at >= 0:
			env = slices.Delete(env, at, at+1)
		case hasValue:
			env = append(env, each)
		}
	}
	return env
}

// start starts the process with its terminal or pipes, and connects them.
func (b *container) start(order contain.Order) (*contain.Started, error) {
	pipes, err := openPipes(order.TTY, b.spec.OpenStdin)
	if err != nil {
		return nil, err
	}
	started, err := contain.Start(order, pipes.theirs, int(b.group.Fd()))
	pipes.closeTheirs()
	if err != nil {
		pipes.closeOurs()
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.running = started
	if order.TTY {
		b.stdin = newInput(started.Terminal, true)
		b.session.output.Take(output.Stdout, started.Terminal)
		return started, nil
	}
	b.stdin = newInput(pipes.stdin, false)
	b.session.output.Take(output.Stdout, pipes.stdout)
	b.session.output.Take(output.Stderr, pipes.stderr)
	return started, nil
}

// closeOutput waits for what the process has still written, as long as the gateway takes any.
func (b *container) closeOutput() {
	b.mu.Lock()
	running := b.running
	b.mu.Unlock()
	if running != nil {
		b.session.output.Wait(goodbye)
	}
}

func (b *container) signal(sig syscall.Signal) error {
	b.mu.Lock()
	running := b.running
	b.mu.Unlock()
	if running == nil || running.Kill(sig) != nil {
		return conflict("the container is not running")
	}
	return nil
}

// onceKept is how many of them are known again.
const onceKept = 256

// isFirst: a worker that died may send its signal again.
func (b *container) isFirst(once string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if once == "" {
		return true
	}
	if slices.Contains(b.seen, once) {
		return false
	}
	b.seen = append(b.seen, once)
	if len(b.seen) > onceKept {
		b.seen = b.seen[1:]
	}
	return true
}

// stop sends the signal and, after the time, KILL.
func (b *container) stop(sig syscall.Signal, timeout time.Duration, endless bool) error {
	if err := b.signal(sig); err != nil {
		return err
	}
	if endless {
		return nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.stopping != nil {
		b.stopping.Stop()
	}
	b.stopping = time.AfterFunc(timeout, func() { _ = b.signal(syscall.SIGKILL) })
	return nil
}

func (b *container) resize(exec string, rows, cols uint16) error {
	b.mu.Lock()
	started := b.running
	if exec != "" {
		started = b.execs[exec]
	}
	b.mu.Unlock()
	if started == nil {
		return notFound(fmt.Sprintf("no such process: %s", exec))
	}
	if started.Terminal == nil {
		return conflict("it has no terminal")
	}
	return withFD(started.Terminal, func(fd int) error { return contain.SetSize(fd, rows, cols) })
}
