package lab

import "sync"

// serials hands out numbers for morefs, Tasks and events that are never used
// again, not even after a crash: a restart skips more numbers than can have been
// given away since the state was last saved.
type serials struct {
	mu    sync.Mutex
	next  int64
	saved int64
}

const serialBlock = 100_000

func newSerials(saved *state) *serials {
	s := &serials{next: 1000}
	if saved != nil {
		s.next = saved.Serial + serialBlock
	}
	// Event keys are xsd:int.
	if s.next > 2_000_000_000 {
		s.next = 1000
	}
	return s
}

func (s *serials) take() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.next++
	return s.next
}

// forSaving is what a snapshot stores.
func (s *serials) forSaving() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.saved = s.next
	return s.next
}

// isStale says that the saved number lags so far that it should be saved again.
func (s *serials) isStale() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.next-s.saved > serialBlock/10
}

func (s *serials) last() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.next
}
