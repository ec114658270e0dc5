// Package host runs machines as QEMU processes: what an ESXi host does with a VM that is on. It knows QEMU and the guest's side channels
// (guest/PROTOCOL.md), and nothing of vSphere.
package host

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sort"
	"strings"
	"sync"
	"time"

	"stowage/lab/vcenter/internal/child"
)

// Host runs guests. Close kills them all; they die with this program in any case.
type Host struct {
	config Config
	boots  chan struct{} // a slot for each boot under way
	spawn  *child.Starter

	mu     sync.Mutex
	guests map[*Guest]struct{} // until the process is gone
	closed bool
}

// NotEnoughMemory is the answer of admission control.
type NotEnoughMemory struct{ WantedMiB, FreeMiB int }

func (e *NotEnoughMemory) Error() string {
	return fmt.Sprintf("%d MiB of memory are wanted, %d MiB are free", e.WantedMiB, e.FreeMiB)
}

// New checks that machines can be run as config says, and fills in its defaults.
func New(config Config) (*Host, error) {
	if config.QEMU == "" {
		config.QEMU = "qemu-system-x86_64"
	}
	if config.SCSI == "" {
		config.SCSI = "virtio"
	}
	if config.SCSI != "virtio" && config.SCSI != "pvscsi" {
		return nil, fmt.Errorf("SCSI controllers are virtio or pvscsi, not %q", config.SCSI)
	}
	var err error
	if config.Dir, err = filepath.Abs(config.Dir); err != nil {
		return nil, err
	}
	path, err := exec.LookPath(config.QEMU)
	if err != nil {
		return nil, err
	}
	config.QEMU = path
	for _, file := range []string{config.kernel(), config.initramfs()} {
		if _, err := os.Stat(file); err != nil {
			return nil, err
		}
	}
	if config.Boots <= 0 {
		config.Boots = runtime.NumCPU()
	}
	if config.MemoryMiB <= 0 {
		config.MemoryMiB = totalMemoryMiB() * 3 / 4
	}
	config.accelerator = chooseAccelerator(&config)
	return &Host{config: config, boots: make(chan struct{}, config.Boots), spawn: child.New(), guests: map[*Guest]struct{}{}}, nil
}

// Start admits a guest and puts it in the queue for booting; it returns at once. Ports of the guest are bound when it returns. Errors:
// *NotEnoughMemory, *PortTaken.
func (h *Host) Start(spec Spec, owner Owner) (*Guest, error) {
	for i := range spec.Ports {
		if p := &spec.Ports[i]; p.HostIP == "" {
			p.HostIP = "0.0.0.0"
		}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return nil, child.ErrClosed
	}
	free := h.config.MemoryMiB
	for g := range h.guests {
		if !g.isDoomed() {
			free -= g.spec.MemoryMiB
		}
	}
	if spec.MemoryMiB > free {
		return nil, &NotEnoughMemory{spec.MemoryMiB, max(free, 0)}
	}
	reserved, err := h.reservePorts(spec.Ports)
	if err != nil {
		return nil, err
	}
	g := &Guest{
		host: h, owner: owner, spec: spec, reserved: reserved, open: map[string]bool{},
		dir:  filepath.Join(h.config.Dir, strings.ReplaceAll(spec.Moid, "/", "-")),
		stop: make(chan struct{}), ready: make(chan struct{}), done: make(chan struct{}),
	}
	g.setReady = sync.OnceFunc(func() { close(g.ready) })
	h.guests[g] = struct{}{}
	go g.run()
	return g, nil
}

// reservePorts takes all ports or none. A port of a guest that is just dying is free in a moment.
func (h *Host) reservePorts(ports []Port) ([]reservation, error) {
	var out []reservation
	fail := func(err error) ([]reservation, error) {
		for _, r := range out {
			r.release()
		}
		return nil, err
	}
	for i := range ports {
		p, dying := &ports[i], false
		for g := range h.guests {
			for _, q := range g.spec.Ports {
				if !p.conflicts(q) {
					continue
				}
				if !g.isDoomed() {
					return fail(&PortTaken{*p, fmt.Errorf("%s has it", g.spec.Name)})
				}
				dying = true
			}
		}
		if dying {
			continue
		}
		r, err := reserve(p)
		if err != nil {
			return fail(err)
		}
		out = append(out, r)
	}
	return out, nil
}

func (h *Host) remove(g *Guest) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.guests, g)
}

// awaitDying returns when the guests killed so far have let go of their files and ports.
func (h *Host) awaitDying(ctx context.Context) error {
	h.mu.Lock()
	var dying []*Guest
	for g := range h.guests {
		if g.isDoomed() {
			dying = append(dying, g)
		}
	}
	h.mu.Unlock()
	for _, g := range dying {
		select {
		case <-g.done:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// Guests lists those that are not being killed, by name.
func (h *Host) Guests() []Report {
	h.mu.Lock()
	defer h.mu.Unlock()
	out := []Report{}
	for g := range h.guests {
		if !g.isDoomed() {
			out = append(out, g.report())
		}
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Name < out[j].Name })
	return out
}

// Forget removes the logs of a machine that is no more.
func (h *Host) Forget(moid string) {
	_ = os.RemoveAll(filepath.Join(h.config.Dir, strings.ReplaceAll(moid, "/", "-")))
}

const closeTime = 5 * time.Second

// Close kills all guests without telling their owners.
func (h *Host) Close() {
	h.mu.Lock()
	if h.closed {
		h.mu.Unlock()
		return
	}
	h.closed = true
	for g := range h.guests {
		g.Kill()
	}
	h.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), closeTime)
	defer cancel()
	_ = h.awaitDying(ctx)
	h.spawn.Close()
}

func totalMemoryMiB() int {
	text, _ := os.ReadFile("/proc/meminfo")
	kib := 0
	for _, line := range strings.Split(string(text), "\n") {
		if _, err := fmt.Sscanf(line, "MemTotal: %d kB", &kib); err == nil {
			return kib / 1024
		}
	}
	return 4096
}
