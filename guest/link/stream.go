package link

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"sync"
)

// Window is how many bytes of a stream may be under way, or lie unread, in one direction.
const Window = 256 << 10

// Stream is one of the byte streams of a link.
type Stream struct {
	// ID is odd when the guest opened it, even when the gateway did.
	ID   uint32
	link *Link
	// generation is the link's when the stream began.
	generation int

	mu      sync.Mutex
	changed *sync.Cond
	unread  []byte
	isEnded bool // by the peer
	allowed int  // bytes that the peer may send yet
	credit  int  // bytes that we may send yet
	hasEnd  bool // of ours
	failure error
}

func newStream(l *Link, id uint32) *Stream {
	s := &Stream{ID: id, link: l, generation: l.generation, allowed: Window, credit: Window}
	s.changed = sync.NewCond(&s.mu)
	return s
}

// Read gives what has come; io.EOF once the peer has ended the stream.
func (s *Stream) Read(into []byte) (int, error) {
	s.mu.Lock()
	for len(s.unread) == 0 && !s.isEnded && s.failure == nil {
		s.changed.Wait()
	}
	if len(s.unread) == 0 {
		defer s.mu.Unlock()
		if s.failure != nil {
			return 0, s.failure
		}
		return 0, io.EOF
	}
	size := copy(into, s.unread)
	s.unread = s.unread[size:]
	// Told when half of the window is free, and not for every byte.
	more := Window - s.allowed - len(s.unread)
	if more < Window/2 || s.isEnded {
		more = 0
	}
	s.allowed += more
	s.mu.Unlock()
	if more > 0 {
		s.link.sendOf(s, Frame{Type: TypeCredit, Stream: s.ID, Payload: binary.BigEndian.AppendUint32(nil, uint32(more))})
	}
	return size, nil
}

// MaxPurpose is how much may be said of what a stream is for: less than a window, so that it comes whole before anything is read.
const MaxPurpose = 192 << 10

// Purpose gives what the stream is for, as it was opened with. What is too long for one frame comes as the first bytes of the stream; how many
// is what the frame says: {"follows": n}.
func (s *Stream) Purpose(about json.RawMessage) (json.RawMessage, error) {
	var long struct {
		Follows int `json:"follows"`
	}
	if json.Unmarshal(about, &long) != nil || long.Follows == 0 {
		return about, nil
	}
	if long.Follows < 0 || long.Follows > MaxPurpose {
		return nil, fmt.Errorf("link: %d bytes are too many to say what a stream is for", long.Follows)
	}
	text := make([]byte, long.Follows)
	_, err := io.ReadFull(s, text)
	return text, err
}

// Write sends all of it, waiting for the peer where it must.
func (s *Stream) Write(from []byte) (int, error) {
	done := 0
	for done < len(from) {
		size, err := s.reserve(len(from) - done)
		if err != nil {
			return done, err
		}
		payload := append([]byte(nil), from[done:done+size]...)
		if err := s.link.sendOf(s, Frame{Type: TypeData, Stream: s.ID, Payload: payload}); err != nil {
			return done, err
		}
		done += size
	}
	return done, nil
}

func (s *Stream) reserve(wanted int) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.credit == 0 && s.failure == nil {
		s.changed.Wait()
	}
	if s.failure != nil {
		return 0, s.failure
	}
	if s.hasEnd {
		return 0, io.ErrClosedPipe
	}
	size := min(wanted, s.credit, MaxPayload)
	s.credit -= size
	return size, nil
}

// CloseWrite tells the peer that nothing follows.
func (s *Stream) CloseWrite() error {
	s.mu.Lock()
	had, isOver := s.hasEnd, s.isEnded
	s.hasEnd = true
	s.mu.Unlock()
	if had {
		return nil
	}
	err := s.link.sendOf(s, Frame{Type: TypeEnd, Stream: s.ID})
	if isOver {
		s.link.forget(s.ID)
	}
	return err
}

// take hands over bytes of the peer; false: it sent more than it was allowed.
func (s *Stream) take(bytes []byte) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(bytes) > s.allowed || s.isEnded {
		return false
	}
	s.allowed -= len(bytes)
	s.unread = append(s.unread, bytes...)
	s.changed.Broadcast()
	return true
}

// grant: a peer that grants more than a window has lost count.
func (s *Stream) grant(more uint32) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if more > Window || s.credit+int(more) > Window {
		return false
	}
	s.credit += int(more)
	s.changed.Broadcast()
	return true
}

// end says whether both directions are over.
func (s *Stream) end() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.isEnded = true
	s.changed.Broadcast()
	return s.hasEnd
}

func (s *Stream) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failure = err
	s.changed.Broadcast()
}
