// Package lab is a vCenter for tests: govmomi's simulator supplies the types
// and the inventory's templates; everything that storage, placement and high
// availability depend on is decided here, as strictly as vCenter does.
//
// One lock (Lab.mu) guards the inventory. It is held while a property is read
// and encoded, and while a change takes effect; never while a Task runs its
// simulated time or copies files.
package lab

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/types"

	hypervisor "stowage/lab/vcenter/internal/host"
	"stowage/lab/vcenter/internal/nfs"
)

type (
	moref = types.ManagedObjectReference
	fault = types.BaseMethodFault
)

// Options is what the command line decides.
type Options struct {
	Dir      string // state and datastore files
	User     string
	Password string
	Hosts    int
	VMs      int
	HA       bool
	Lenient  bool // do not check requests against the schema
	// Guests says how VMs with a serial port that dials out are run; without Guests.Guest they are as idle as all others.
	Guests hypervisor.Config
	// NFSPort is where the NFS datastore can be mounted by guests; 0: nowhere.
	NFSPort int
}

// Lab is one simulated vCenter.
type Lab struct {
	opt Options

	mu       sync.RWMutex
	svc      *simulator.Service
	reg      *simulator.Registry
	base     *simulator.Context
	dc       moref
	cluster  moref
	rootPool moref
	vmFolder moref
	network  moref

	hosts      []*host
	datastores []*datastore
	machines   map[moref]*machine
	processes  map[*process]struct{}
	disks      map[string]*disk // by datastore path
	busy       map[string]bool  // files an operation without the lock writes
	reading    map[string]int   // disks being copied from
	tasks      *taskBook
	events     *eventLog
	ha         haSettings
	serial     *serials
	runner     *hypervisor.Host // nil without guests
	nfs        *nfs.Server      // nil without NFSPort

	feed       *feed
	sessions   *sessionBook
	rules      *ruleBook
	calls      *callBook
	privileges *privilegeBook
	saver      *saver
	mux        *http.ServeMux
	closed     chan struct{}
}

// New builds the inventory, or restores it from opt.Dir.
func New(opt Options) (*Lab, error) {
	l := &Lab{
		opt:        opt,
		machines:   map[moref]*machine{},
		processes:  map[*process]struct{}{},
		disks:      map[string]*disk{},
		busy:       map[string]bool{},
		reading:    map[string]int{},
		ha:         haSettings{Enabled: opt.HA, Delay: 500 * time.Millisecond},
		sessions:   newSessionBook(),
		rules:      newRuleBook(),
		calls:      newCallBook(),
		privileges: &privilegeBook{},
		closed:     make(chan struct{}),
	}
	if err := os.MkdirAll(filepath.Join(opt.Dir, "datastores"), 0o755); err != nil {
		return nil, err
	}
	saved, err := readState(l.statePath())
	if err != nil {
		return nil, fmt.Errorf("state: %w", err)
	}
	l.serial = newSerials(saved)
	l.feed = newFeed()
	l.tasks = newTaskBook()
	l.events = newEventLog()
	l.saver = newSaver(l)
	if err := l.buildTopology(saved); err != nil {
		return nil, err
	}
	l.scanDatastores()
	if opt.Guests.Guest != "" {
		opt.Guests.Dir = filepath.Join(opt.Dir, "guests")
		if l.runner, err = hypervisor.New(opt.Guests); err != nil {
			return nil, err
		}
	}
	if opt.NFSPort != 0 {
		if l.nfs, err = l.serveNFS(); err != nil {
			return nil, fmt.Errorf("NFS: %w", err)
		}
	}
	l.mu.Lock() // guests that start ask at once
	if saved != nil {
		l.restore(saved)
	} else {
		l.addIdleMachines(opt.VMs)
	}
	l.mu.Unlock()
	l.reg.AddHandler(l.feed)
	l.mux = l.routes()
	l.saver.start()
	return l, l.saver.flush()
}

// Handler serves /sdk, /folder and /lab.
func (l *Lab) Handler() http.Handler { return l.mux }

// Close saves the state, ends waiting calls and kills the guests: as a power cut, after which they start again.
func (l *Lab) Close() error {
	close(l.closed)
	if l.runner != nil {
		l.runner.Close()
	}
	if l.nfs != nil {
		l.nfs.Close()
	}
	return l.saver.stop()
}

func (l *Lab) statePath() string { return filepath.Join(l.opt.Dir, "state.json") }

// object resolves a reference to what holds its properties.
func (l *Lab) object(s *session, ref moref) mo.Reference {
	if s != nil {
		if o := s.object(ref); o != nil {
			return o
		}
	}
	switch ref.Type {
	case "Task":
		if t := l.tasks.find(ref); t != nil {
			return t
		}
	case "SessionManager":
		return l.sessionManager(s, ref)
	}
	return l.reg.Get(ref)
}

// touch publishes changed properties of an object.
func (l *Lab) touch(ref moref, paths ...string) {
	l.feed.changed(ref, paths...)
	switch ref.Type {
	case "Task", "TaskManager", "Datastore", "StoragePod":
		return // not in the state file
	}
	if len(paths) != 1 || paths[0] != "recentTask" {
		l.saver.wake()
	}
}
