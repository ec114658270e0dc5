package link

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"time"
)

// What comes from the line: in order, once, and to whom it is for.

// handle takes one frame of the line. An error is the peer's fault, and final.
func (l *Link) handle(f Frame, mine int) error {
	// A line that was replaced may still be at its last frame: one after the other.
	l.handling.Lock()
	defer l.handling.Unlock()
	l.mu.Lock()
	if l.run != mine {
		l.mu.Unlock()
		return io.EOF
	}
	var welcomed bool
	var err error
	switch f.Type {
	case TypeChallenge:
		l.onChallenge(f)
	case TypeHello:
		welcomed, err = l.onHello(f)
	case TypeWelcome:
		welcomed, err = l.onWelcome(f)
	default:
		if !l.isWelcome {
			break
		}
		if l.journal.acknowledge(f.Ack) {
			l.lastAckedAt = time.Now()
			l.changed.Broadcast()
		}
		if f.Type == TypeNack {
			l.journal.rewind()
			l.changed.Broadcast()
		}
		if f.Type.isReliable() && l.isNext(f) {
			l.mu.Unlock()
			return l.deliver(f)
		}
	}
	l.mu.Unlock()
	if welcomed && l.config.OnWelcome != nil {
		l.config.OnWelcome()
	}
	return err
}

// isNext: what comes again is dropped, and a gap is told of once until it is filled, or a tick has passed.
func (l *Link) isNext(f Frame) bool {
	l.unacked++
	if f.Seq == l.received+1 {
		l.received = f.Seq
		l.isNacked = false
		if l.unacked >= ackEvery {
			l.changed.Broadcast()
		}
		return true
	}
	if f.Seq > l.received+1 && !l.isNacked {
		l.isNacked = true
		l.control = append(l.control, Frame{Type: TypeNack})
		l.changed.Broadcast()
	}
	return false
}

func (l *Link) deliver(f Frame) error {
	if f.Type == TypeMessage {
		if l.config.OnMessage != nil {
			l.config.OnMessage(f.Stream, append(json.RawMessage(nil), f.Payload...))
		}
		return nil
	}
	if f.Type == TypeRecord {
		if l.config.OnRecord != nil {
			l.config.OnRecord(append([]byte(nil), f.Payload...))
		}
		return nil
	}
	if f.Type == TypeOpen {
		return l.onOpen(f)
	}
	l.mu.Lock()
	s := l.streams[f.Stream]
	l.mu.Unlock()
	if s == nil {
		// Ended here; what is under way is for nobody.
		return nil
	}
	isGood := true
	switch f.Type {
	case TypeData:
		isGood = s.take(f.Payload)
	case TypeCredit:
		isGood = len(f.Payload) == 4 && s.grant(binary.BigEndian.Uint32(f.Payload))
	case TypeEnd:
		if s.end() {
			l.forget(s.ID)
		}
	}
	if !isGood {
		return fmt.Errorf("%w: a frame of type %d on stream %d is more than was allowed", ErrPeer, f.Type, f.Stream)
	}
	return nil
}

// forget is called when both directions of a stream are over.
func (l *Link) forget(id uint32) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.streams, id)
}

func (l *Link) onOpen(f Frame) error {
	l.mu.Lock()
	isTheirs := (f.Stream%2 == 0) == l.config.IsGuest && f.Stream != 0
	if !isTheirs || l.streams[f.Stream] != nil || len(l.streams) >= MaxStreams {
		l.mu.Unlock()
		return fmt.Errorf("%w: it opened stream %d", ErrPeer, f.Stream)
	}
	s := newStream(l, f.Stream)
	l.streams[f.Stream] = s
	l.mu.Unlock()
	if l.config.OnOpen != nil {
		l.config.OnOpen(s, append(json.RawMessage(nil), f.Payload...))
	}
	return nil
}
