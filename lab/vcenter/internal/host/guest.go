package host

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

// Phase is how far a guest is.
//
//	queued -> booting -> running    (first command of the guest)
//	booting, running -> suspended -> as before
//	running -> booting              (reset)
//	any -> gone
type Phase string

const (
	Queued    Phase = "queued" // on, but waiting for others to boot
	Booting   Phase = "booting"
	Running   Phase = "running"
	Suspended Phase = "suspended"
)

// Guest is a machine that is on: its QEMU process, or its place in the queue for one.
type Guest struct {
	host     *Host
	owner    Owner
	dir      string
	reserved []reservation

	stop  chan struct{} // closed when it shall end
	ready chan struct{} // closed by setReady when the monitor answers, or the process is gone
	done  chan struct{} // closed when the process is gone

	setReady func()

	mu      sync.Mutex
	spec    Spec
	phase   Phase // without Suspended
	paused  bool
	open    map[string]bool // serial ports that the guest has open
	process *os.Process
	monitor *monitor
	resets  bool   // Reset was called, and it was not heard since
	doomed  bool   // by Kill
	stopped bool   // stop is closed
	why     string // QEMU's reason of its shutdown
}

// Report is what the outside may know of a guest.
type Report struct {
	Name      string `json:"vm"`
	Moid      string `json:"moid"`
	Host      string `json:"host"`
	PID       int    `json:"pid"`
	Phase     Phase  `json:"phase"`
	MemoryMiB int    `json:"memoryMib"`
	Ports     []Port `json:"ports"`
	Console   string `json:"console"`
}

func (g *Guest) report() Report {
	g.mu.Lock()
	defer g.mu.Unlock()
	out := Report{Name: g.spec.Name, Moid: g.spec.Moid, Phase: g.visible(), MemoryMiB: g.spec.MemoryMiB, Ports: g.spec.Ports, Console: g.console()}
	if out.Ports == nil {
		out.Ports = []Port{}
	}
	if g.process != nil {
		out.PID = g.process.Pid
	}
	return out
}

func (g *Guest) console() string { return filepath.Join(g.dir, "console.log") }

func (g *Guest) visible() Phase {
	switch {
	case g.paused:
		return Suspended
	case g.phase == "":
		return Queued
	}
	return g.phase
}

// Phase is how far it is.
func (g *Guest) Phase() Phase {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.visible()
}

// IsAlive says whether a program in the guest listens: it has a serial port open, and runs.
func (g *Guest) IsAlive() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.visible() == Running && (g.open[rpcPort] || g.open[linkPort])
}

// Ports are the published ports, with the host's port of each.
func (g *Guest) Ports() []Port { return g.spec.Ports }

// Moid is the one of its Spec.
func (g *Guest) Moid() string { return g.spec.Moid }

// Done is closed when the process is gone, and its locks and ports with it.
func (g *Guest) Done() <-chan struct{} { return g.done }

func (g *Guest) isDoomed() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.doomed
}

// Kill is the loss of power. It returns at once; the owner is told nothing any more. Idempotent.
func (g *Guest) Kill() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.doomed = true
	g.end()
}

// Crash is the loss of power as the outside sees it: the owner hears that the guest ended.
func (g *Guest) Crash() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.end()
}

func (g *Guest) end() {
	if !g.stopped {
		g.stopped = true
		close(g.stop)
	}
	if g.process != nil {
		_ = g.process.Kill()
	}
}

// change edits the description of a guest that waits in the queue, or changes the process by do, and the description after that.
func (g *Guest) change(ctx context.Context, edit func(*Spec), do func(*monitor) error) error {
	g.mu.Lock()
	if g.phase == "" {
		defer g.mu.Unlock()
		edit(&g.spec)
		return nil
	}
	g.mu.Unlock()
	select {
	case <-g.ready:
	case <-ctx.Done():
		return ctx.Err()
	}
	g.mu.Lock()
	m := g.monitor
	g.mu.Unlock()
	if m == nil {
		return errHungUp
	}
	if err := do(m); err != nil {
		return err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	edit(&g.spec)
	return nil
}

// Suspend stops the processors; locks and memory stay.
func (g *Guest) Suspend(ctx context.Context) error {
	return g.change(ctx, func(*Spec) { g.paused = true }, func(m *monitor) error { return m.call(ctx, "stop", nil, nil) })
}

// Resume lets the processors go on.
func (g *Guest) Resume(ctx context.Context) error {
	return g.change(ctx, func(*Spec) { g.paused = false }, func(m *monitor) error { return m.call(ctx, "cont", nil, nil) })
}

// Reset presses the button. A reset by the guest itself ends it (-no-reboot); that is turned off until it is heard again, since the BIOS
// resets a second time.
func (g *Guest) Reset(ctx context.Context) error {
	return g.change(ctx, func(*Spec) {}, func(m *monitor) error {
		if err := m.onReboot(ctx, "reset"); err != nil {
			return err
		}
		g.mu.Lock()
		g.phase, g.resets = Booting, true
		clear(g.open)
		g.mu.Unlock()
		return m.call(ctx, "system_reset", nil, nil)
	})
}

func (m *monitor) onReboot(ctx context.Context, action string) error {
	return m.call(ctx, "set-action", properties{"reboot": action}, nil)
}

// heard: the guest has given a command.
func (g *Guest) heard(bootEnded func()) {
	g.mu.Lock()
	news := !g.resets && (g.phase != Running || !g.open[rpcPort])
	if news {
		g.phase, g.open[rpcPort] = Running, true
	}
	g.mu.Unlock()
	if news {
		bootEnded()
		g.owner.Changed()
	}
}

func (g *Guest) event(name string, data json.RawMessage) {
	var e struct {
		ID     string `json:"id"`
		Open   bool   `json:"open"`
		Reason string `json:"reason"`
	}
	_ = json.Unmarshal(data, &e)
	switch name {
	case "VSERPORT_CHANGE":
		g.portChanged(e.ID, e.Open)
	case "SHUTDOWN":
		g.mu.Lock()
		g.why = e.Reason
		g.mu.Unlock()
	}
}

func (g *Guest) portChanged(id string, open bool) {
	g.mu.Lock()
	news := g.open[id] != open
	g.open[id] = open
	isBack, m := g.resets && id == rpcPort && open, g.monitor
	g.resets = g.resets && !isBack
	g.mu.Unlock()
	go func() { // the monitor's answers must not wait for this
		if isBack && m != nil {
			ctx, cancel := context.WithTimeout(context.Background(), monitorTime)
			defer cancel()
			_ = m.onReboot(ctx, "shutdown")
		}
		if news {
			g.owner.Changed()
		}
	}()
}

// A boot that has not said anything by then is no longer counted as one.
const bootTime = 60 * time.Second

// Moved says that a disk's file has another name now. A process that has it open does not mind.
func (g *Guest) Moved(key int32, file string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	disks := slices.Clone(g.spec.Disks)
	for i := range disks {
		if disks[i].Key == key {
			disks[i].File = file
		}
	}
	g.spec.Disks = disks
}
