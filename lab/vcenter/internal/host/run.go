package host

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

const (
	monitorTime  = 30 * time.Second
	dyingTime    = 10 * time.Second
	startRetries = 15
	startPause   = 200 * time.Millisecond
)

// run is a guest's life, from the queue to the end of its process.
func (g *Guest) run() {
	why := g.live()
	g.setReady()
	g.host.remove(g)
	close(g.done)
	if !g.isDoomed() {
		g.owner.Ended(why)
	}
}

func (g *Guest) live() string {
	defer g.releasePorts()
	h := g.host
	select {
	case h.boots <- struct{}{}:
	case <-g.stop:
		return "it lost power"
	}
	bootEnded := sync.OnceFunc(func() { <-h.boots })
	defer bootEnded()
	ctx, cancel := context.WithTimeout(context.Background(), dyingTime)
	defer cancel()
	if err := h.awaitDying(ctx); err != nil {
		return err.Error()
	}
	for attempt := 0; ; attempt++ {
		why, again := g.boot(bootEnded)
		// The processes of a vCenter that was killed die a moment later than it.
		if !again || attempt == startRetries {
			return why
		}
		select {
		case <-time.After(startPause):
		case <-g.stop:
			return why
		}
	}
}

func (g *Guest) releasePorts() {
	for _, r := range g.reserved {
		r.release()
	}
	g.reserved = nil
}

// boot starts a QEMU and returns when it is gone: why, and whether it may go well when tried again.
func (g *Guest) boot(bootEnded func()) (why string, again bool) {
	started, err := g.start()
	if err != nil {
		return err.Error(), false
	}
	timer := time.AfterFunc(bootTime, bootEnded)
	defer timer.Stop()
	g.owner.Changed()
	var ends sync.WaitGroup
	ends.Go(func() { keepConsole(g.console(), started.console) })
	ends.Go(func() { serveRPC(started.rpc, g.owner, func() { g.heard(bootEnded) }) })
	ends.Go(func() { g.connect(started) })
	err = started.command.Wait()
	started.close()
	ends.Wait()
	g.mu.Lock()
	defer g.mu.Unlock()
	connected := g.monitor != nil
	g.process = nil
	if !connected && !g.stopped {
		text, _ := os.ReadFile(filepath.Join(g.dir, "qemu.log"))
		said := strings.TrimSpace(string(text))
		if isLock(said) || strings.Contains(said, "Could not set up host forwarding rule") {
			return said, true
		}
		return said, false
	}
	return g.reason(err), false
}

func (g *Guest) reason(err error) string {
	switch {
	case g.stopped:
		return "it lost power"
	case g.why == "guest-shutdown":
		return "the guest halted"
	case g.why == "guest-reset":
		return "the guest restarted, or its kernel panicked"
	case err != nil:
		return fmt.Sprintf("QEMU ended: %v", err)
	}
	return "QEMU ended " + g.why
}

// started is a process, and our ends of what it inherited.
type started struct {
	command               *exec.Cmd
	monitor, rpc, console net.Conn
}

func (s *started) close() {
	for _, c := range []net.Conn{s.monitor, s.rpc, s.console} {
		if c != nil {
			_ = c.Close()
		}
	}
}

// start makes the process from the description as it is now; from here on changes go to the process.
func (g *Guest) start() (*started, error) {
	if err := os.MkdirAll(g.dir, 0o755); err != nil {
		return nil, err
	}
	log, err := os.Create(filepath.Join(g.dir, "qemu.log"))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	s := &started{}
	var theirs []*os.File
	defer func() {
		for _, f := range theirs {
			_ = f.Close()
		}
	}()
	for _, ours := range []*net.Conn{&s.monitor, &s.rpc, &s.console} { // in the order of monitorFD, rpcFD, consoleFD
		conn, file, err := socketPair()
		if err != nil {
			s.close()
			return nil, err
		}
		*ours, theirs = conn, append(theirs, file)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.stopped {
		s.close()
		return nil, errors.New("it lost power")
	}
	g.phase = Booting
	s.command = exec.Command(g.host.config.QEMU, g.host.config.arguments(&g.spec)...)
	s.command.ExtraFiles, s.command.Stdout, s.command.Stderr = theirs, log, log
	g.releasePorts()
	if err := g.host.spawn.Start(s.command); err != nil {
		s.close()
		return nil, err
	}
	g.process = s.command.Process
	return s, nil
}

// connect opens the monitor; a process that does not answer is killed.
func (g *Guest) connect(s *started) {
	ctx, cancel := context.WithTimeout(context.Background(), monitorTime)
	defer cancel()
	m, err := openMonitor(ctx, s.monitor, g.event)
	if err != nil {
		_ = s.command.Process.Kill()
		return
	}
	g.mu.Lock()
	g.monitor = m
	paused := g.paused
	g.mu.Unlock()
	if paused { // suspended while it was in the queue
		_ = m.call(ctx, "stop", nil, nil)
	}
	g.setReady()
}
