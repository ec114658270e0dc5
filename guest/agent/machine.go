package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"os"
	"runtime/debug"
	"strconv"
	"sync/atomic"
	"time"

	"stowage/guest/internal/kernel"
	"stowage/guest/internal/process"
	"stowage/guest/internal/rootfs"
	"stowage/guest/internal/spec"
	"stowage/guest/rpci"
)

// Keys of the machine's guestinfo; PROTOCOL.md.
const (
	keyID       = "guestinfo.stowage.id"
	keySecret   = "guestinfo.stowage.secret"
	keyDocument = "guestinfo.stowage.container"
	keyStatus   = "guestinfo.stowage.status"
	keyDisks    = "guestinfo.stowage.disks"
	keyExit     = "guestinfo.stowage.exit"
	keyFailure  = "guestinfo.stowage.failure"
	keyVisit    = "guestinfo.stowage.visit"
	keyAddress  = "guestinfo.ip"
)

// goodbye is how long the gateway has to take everything.
const goodbye = 30 * time.Second

// machine is what the agent knows.
type machine struct {
	modules  *kernel.Modules
	host     *rpci.Client
	document spec.Document
	status   spec.Status
	disks    spec.Disks
	tree     *rootfs.Tree
	session  *session
	box      *container
	mounts   mounts
	visitor  string // the job that only wants the files; empty: the process is run
	visit    atomic.Pointer[visit]
}

// runMachine is from boot to power-off. Nothing that goes wrong ends it otherwise.
func runMachine() {
	debug.SetGCPercent(400) // memory is short in neither direction: the heap is a few MiB
	if err := kernel.Begin(); err != nil {
		log.Print(err)
		return
	}
	logToKernel()
	go process.Reap()
	m := &machine{modules: kernel.NewModules()}
	m.tree = rootfs.New(m.modules)
	code, err := m.tryToLive()
	m.end(code, err)
}

// tryToLive: a panic of process 1 is the kernel's as well, and the machine would start again and again.
func (m *machine) tryToLive() (code int, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("the guest's agent failed: %v", cause)
			log.Printf("%s", debug.Stack())
		}
	}()
	return m.live()
}

// logToKernel: on ESXi the first serial port is the link, and nothing else may be written to it.
func logToKernel() {
	log.SetFlags(0)
	log.SetPrefix("<4>stowage: ")
	if file, err := os.OpenFile("/dev/kmsg", os.O_WRONLY, 0); err == nil {
		log.SetOutput(file)
	}
}

// live runs the container. An error is why its process was not started.
func (m *machine) live() (int, error) {
	if err := m.modules.LoadFor(kernel.Ports); err != nil {
		log.Print(err)
	}
	host, err := openHost()
	if err != nil {
		return 0, err
	}
	m.host = host
	storage := make(chan error, 1)
	go func() { storage <- m.modules.LoadFor(kernel.Storage) }()
	if err := m.connect(); err != nil {
		return 0, err
	}
	if err := m.read(keyDocument, &m.document); err != nil {
		return 0, err
	}
	network := m.startNetwork()
	if err := m.read(keyDisks, &m.disks); err != nil {
		return 0, err
	}
	if err := <-storage; err != nil {
		return 0, err
	}
	ctx := context.Background()
	c := m.document.Spec
	if err := m.tree.Assemble(ctx, m.disks, c); err != nil {
		return 0, err
	}
	if m.visitor != "" {
		m.receive()
		return 0, nil
	}
	found := <-network
	if err := m.tree.Identify(c, found); err != nil {
		return 0, err
	}
	if err := m.tree.MountVolumes(ctx, c.Mounts, m.disks); err != nil {
		return 0, err
	}
	m.mounts.begin(c, m.disks)
	return m.box.run(m)
}

// read reads a key that holds JSON.
func (m *machine) read(key string, into any) error {
	text, err := m.host.Get(key)
	if err != nil {
		return fmt.Errorf("%s: %w", key, err)
	}
	if err := json.Unmarshal([]byte(text), into); err != nil {
		return fmt.Errorf("%s: %w", key, err)
	}
	return nil
}

// connect begins to talk to the gateway.
func (m *machine) connect() error {
	id, err := m.host.Get(keyID)
	if err != nil {
		return fmt.Errorf("%s: %w", keyID, err)
	}
	secret, err := m.host.Get(keySecret)
	if err != nil {
		return fmt.Errorf("%s: %w", keySecret, err)
	}
	if err := m.read(keyStatus, &m.status); err != nil {
		return err
	}
	// No such key is no visit.
	m.visitor, _ = m.host.Get(keyVisit)
	run := m.status.Run.StartedAt
	if m.visitor != "" {
		run = m.visitor
	}
	m.session = newSession(id, secret, run)
	m.box = newContainer(m)
	m.session.begin(m)
	return nil
}

// end tells the host and the gateway how it ended; what is mounted is unmounted before, so that who hears of it may have the disks.
func (m *machine) end(code int, err error) {
	if m.box != nil {
		m.box.closeOutput()
	}
	if m.session != nil {
		m.session.closeStreams()
	}
	if unmountErr := m.tree.Dismantle(); unmountErr != nil {
		log.Print(unmountErr)
	}
	said := state{State: "exited", ExitCode: &code}
	if err != nil {
		failure := &spec.Failure{}
		if !errors.As(err, &failure) {
			failure = &spec.Failure{Code: 125, Message: err.Error()}
		}
		log.Print(failure.Message)
		code = failure.Code
		said.State, said.Message = "failed", failure.Message
	}
	if m.host != nil && m.visitor == "" {
		if err != nil {
			m.tell(keyFailure, said.Message)
		}
		m.tell(keyExit, strconv.Itoa(code))
	}
	if m.session == nil {
		return
	}
	said.OOMKilled = m.box.oomKilled
	m.session.say(said)
	m.session.waitUntilTold(goodbye)
}

func (m *machine) tell(key, value string) {
	if err := m.host.Set(key, value); err != nil {
		log.Printf("%s: %v", key, err)
	}
}
