package host

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"stowage/lab/vcenter/internal/host/guesttest"
)

// book is an owner that keeps everything in memory.
type book struct {
	mu    sync.Mutex
	info  map[string]string
	news  chan struct{}
	ended chan string
}

func newBook() *book {
	return &book{info: map[string]string{}, news: make(chan struct{}, 1), ended: make(chan string, 1)}
}

func (b *book) Info(key string) (string, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	v, ok := b.info[key]
	return v, ok
}

func (b *book) SetInfo(key, value string) error {
	b.mu.Lock()
	b.info[key] = value
	b.mu.Unlock()
	b.Changed()
	return nil
}

func (b *book) Changed() {
	select {
	case b.news <- struct{}{}:
	default:
	}
}

func (b *book) Ended(why string) { b.ended <- why }

// until waits for news that make ok true.
func (b *book) until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.After(30 * time.Second)
	for !ok() {
		select {
		case <-b.news:
		case why := <-b.ended:
			t.Fatalf("waiting for %s: it ended: %s", what, why)
		case <-deadline:
			t.Fatalf("not in time: %s (%v)", what, b.info)
		}
	}
}

func (b *book) sees(t *testing.T, disks string) {
	t.Helper()
	b.until(t, "disks "+disks, func() bool {
		v, _ := b.Info("guestinfo.seen")
		return v == "disks "+disks || v == "disks" && disks == ""
	})
}

func newTestHost(t *testing.T, change func(*Config)) *Host {
	t.Helper()
	c := Config{Guest: guesttest.Dir(t), Dir: t.TempDir(), MemoryMiB: 400, Boots: 2}
	if change != nil {
		change(&c)
	}
	h, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.Close)
	return h
}

func extent(t *testing.T, name string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, 8<<20); err != nil {
		t.Fatal(err)
	}
	return path
}

func serial(n int) string { return fmt.Sprintf("6000c29%025x", n) }

func TestAGuestTalksPublishesAndHalts(t *testing.T) {
	h := newTestHost(t, nil)
	link, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer link.Close()
	layer, volume := extent(t, "layer"), extent(t, "volume")
	b := newBook()
	began := time.Now()
	g, err := h.Start(Spec{Name: "a, b", Moid: "vm-1", CPUs: 1, MemoryMiB: 128, Controllers: []int{0}, MACs: []string{"00:50:56:00:00:01"},
		Disks: []Disk{{Key: 2000, File: layer, Serial: serial(1), Access: ReadOnly}, {Key: 2040, File: volume, Serial: serial(2), Unit: 40}},
		Ports: []Port{{ContainerPort: 8080, Protocol: "tcp", HostIP: "127.0.0.1"}}, Link: link.Addr().String()}, b)
	if err != nil {
		t.Fatal(err)
	}
	b.until(t, "the first command", func() bool { v, ok := b.Info("guestinfo.ip"); return ok && v == "10.0.2.15" })
	t.Logf("power-on to first command: %v", time.Since(began))
	b.sees(t, serial(1)+":ro "+serial(2)+":rw")
	b.until(t, "alive", func() bool { return g.IsAlive() && g.Phase() == Running })
	if conn, err := link.Accept(); err != nil {
		t.Error(err)
	} else {
		_ = conn.Close()
	}
	p := g.Ports()[0]
	b.until(t, "an answer on the published port", func() bool {
		c, err := net.Dial("tcp", net.JoinHostPort(p.HostIP, fmt.Sprint(p.HostPort)))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		text, _ := io.ReadAll(c)
		b.Changed()
		return string(text) == "hello"
	})
	if _, err = h.Start(Spec{Name: "second", Moid: "vm-2", MemoryMiB: 64, Ports: []Port{p}}, newBook()); !errors.As(err, new(*PortTaken)) {
		t.Errorf("the same port again: %v", err)
	}
	if _, err = h.Start(Spec{Name: "third", Moid: "vm-3", MemoryMiB: 300}, newBook()); !errors.As(err, new(*NotEnoughMemory)) {
		t.Errorf("more than there is: %v", err)
	}
	_ = b.SetInfo("guestinfo.test", "halt")
	if why := <-b.ended; why != "the guest halted" {
		t.Error(why)
	}
	if left := h.Guests(); len(left) != 0 {
		t.Errorf("%+v", left)
	}
}

func TestDisksComeAndGo(t *testing.T) {
	for _, scsi := range []string{"virtio", "pvscsi"} {
		t.Run(scsi, func(t *testing.T) { disksComeAndGo(t, newTestHost(t, func(c *Config) { c.SCSI = scsi })) })
	}
}

func disksComeAndGo(t *testing.T, h *Host) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	shared := extent(t, "shared")
	d := Disk{Key: 2001, File: shared, Serial: serial(1), Unit: 1}
	one, two := newBook(), newBook()
	a, err := h.Start(Spec{Name: "one", Moid: "vm-1", MemoryMiB: 128, Controllers: []int{0}}, one)
	if err != nil {
		t.Fatal(err)
	}
	b, err := h.Start(Spec{Name: "two", Moid: "vm-2", MemoryMiB: 128, Controllers: []int{0}, Disks: []Disk{d}}, two)
	if err != nil {
		t.Fatal(err)
	}
	one.sees(t, "")
	two.sees(t, serial(1)+":rw")
	if err = a.Attach(ctx, d); !errors.As(err, new(*Locked)) {
		t.Fatalf("a disk that another has open: %v", err)
	}
	if err = b.Detach(ctx, d); err != nil {
		t.Fatal(err)
	}
	two.sees(t, "")
	if err = a.Attach(ctx, d); err != nil {
		t.Fatal(err)
	}
	one.sees(t, serial(1)+":rw")
	if h.config.SCSI == "virtio" {
		if err = a.AddController(ctx, 1); err != nil {
			t.Fatal(err)
		}
		if err = a.Attach(ctx, Disk{Key: 2020, File: extent(t, "more"), Serial: serial(2), Bus: 1}); err != nil {
			t.Fatal(err)
		}
		one.sees(t, serial(1)+":rw "+serial(2)+":rw")
		if err = errors.Join(os.Truncate(shared, 16<<20), a.Resize(ctx, d.Key, 16<<20)); err != nil {
			t.Fatal(err)
		}
	}
	// Killed, it lets go of the disk for whoever comes next.
	a.Kill()
	if err = b.Attach(ctx, d); err != nil {
		t.Fatal(err)
	}
	two.sees(t, serial(1)+":rw")
	b.Crash()
	if why := <-two.ended; why != "it lost power" {
		t.Error(why)
	}
	select {
	case why := <-one.ended:
		t.Errorf("told of a kill: %s", why)
	default:
	}
}

func TestSuspendResumeReset(t *testing.T) {
	h := newTestHost(t, nil)
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	b := newBook()
	g, err := h.Start(Spec{Name: "s", Moid: "vm-1", MemoryMiB: 128}, b)
	if err != nil {
		t.Fatal(err)
	}
	b.sees(t, "")
	if err = g.Suspend(ctx); err != nil || g.Phase() != Suspended || g.IsAlive() {
		t.Fatal(err, g.Phase())
	}
	if err = g.Resume(ctx); err != nil || g.Phase() != Running {
		t.Fatal(err, g.Phase())
	}
	_ = b.SetInfo("guestinfo.seen", "")
	if err = g.Reset(ctx); err != nil {
		t.Fatal(err)
	}
	b.sees(t, "")
}

func TestAMachineThatCannotOpenItsDiskEnds(t *testing.T) {
	h := newTestHost(t, func(c *Config) { c.Boots = 1 })
	b := newBook()
	if _, err := h.Start(Spec{Name: "x", Moid: "vm-1", MemoryMiB: 64, Controllers: []int{0}, Disks: []Disk{{Key: 2000, File: "/nowhere", Serial: "1"}}}, b); err != nil {
		t.Fatal(err)
	}
	if why := <-b.ended; !strings.Contains(why, "No such file") {
		t.Error(why)
	}
}

func TestBootsTakeTurns(t *testing.T) {
	h := newTestHost(t, func(c *Config) { c.Boots = 1 })
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	one, two, three := newBook(), newBook(), newBook()
	start := func(name string, b *book) *Guest {
		g, err := h.Start(Spec{Name: name, Moid: name, MemoryMiB: 128}, b)
		if err != nil {
			t.Fatal(err)
		}
		return g
	}
	a := start("one", one)
	one.until(t, "its boot", func() bool { return a.Phase() == Booting })
	b, c := start("two", two), start("three", three)
	if b.Phase() != Queued || c.Phase() != Queued {
		t.Error(b.Phase(), c.Phase())
	}
	c.Crash()
	if why := <-three.ended; why != "it lost power" {
		t.Error(why)
	}
	if err := b.Suspend(ctx); err != nil || b.Phase() != Suspended {
		t.Error(err, b.Phase())
	}
	if err := b.Resume(ctx); err != nil {
		t.Error(err)
	}
	one.sees(t, "")
	two.sees(t, "")
}
