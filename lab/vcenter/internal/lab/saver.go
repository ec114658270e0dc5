package lab

import (
	"encoding/json"
	"log"
	"sync"
	"sync/atomic"
	"time"

	"stowage/lab/vcenter/internal/vmdk"
)

// saver writes the state soon after each change; what a Task or call has
// answered is saved before (sync), as vCenter commits to its database.
type saver struct {
	lab     *Lab
	changes atomic.Int64 // counts changes
	signal  chan struct{}
	done    chan struct{}
	once    sync.Once

	mu    sync.Mutex // one write at a time
	saved int64      // changes that the file has
}

const saveDelay = 20 * time.Millisecond

func newSaver(l *Lab) *saver {
	return &saver{lab: l, signal: make(chan struct{}, 1), done: make(chan struct{})}
}

func (s *saver) wake() {
	s.changes.Add(1)
	select {
	case s.signal <- struct{}{}:
	default:
	}
}

func (s *saver) start() {
	go func() {
		defer close(s.done)
		for {
			select {
			case <-s.lab.closed:
				return
			case <-s.signal:
			}
			if !sleep(saveDelay, s.lab.closed) {
				return
			}
			s.sync()
		}
	}()
}

// sync returns when every change made so far is in the file. Lab.mu is not held.
func (s *saver) sync() {
	now := s.changes.Load()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.saved >= now {
		return
	}
	if err := s.write(); err != nil {
		log.Printf("saving state: %v", err)
	}
}

func (s *saver) flush() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.write()
}

func (s *saver) write() error {
	s.lab.mu.RLock()
	now := s.changes.Load()
	snapshot := s.lab.snapshot()
	s.lab.mu.RUnlock()
	text, err := json.Marshal(snapshot)
	if err != nil {
		return err
	}
	if err = vmdk.WriteFile(s.lab.statePath(), text); err == nil {
		s.saved = now
	}
	return err
}

func (s *saver) stop() error {
	s.once.Do(func() { <-s.done })
	return s.flush()
}
