package link

import (
	"io"
	"time"
)

// writeTo writes what there is to write, and wakes by itself to repeat what was lost.
func (l *Link) writeTo(line io.Writer, mine int) error {
	over := make(chan struct{})
	defer close(over)
	go func() {
		ticks := time.NewTicker(tick)
		defer ticks.Stop()
		for {
			select {
			case <-over:
				return
			case now := <-ticks.C:
				l.onTick(now)
			}
		}
	}()
	var out []byte
	for {
		l.mu.Lock()
		for out = l.gather(out[:0]); len(out) == 0 && l.run == mine && l.failure == nil; out = l.gather(out[:0]) {
			l.changed.Wait()
		}
		isOver := l.run != mine || l.failure != nil
		l.mu.Unlock()
		if isOver {
			return nil
		}
		if _, err := line.Write(out); err != nil {
			return err
		}
	}
}

// gather takes what may go now; l.mu is held.
func (l *Link) gather(out []byte) []byte {
	for _, f := range l.control {
		f.Ack = l.received
		out = f.Append(out)
	}
	l.control = l.control[:0]
	if !l.isWelcome {
		return out
	}
	for len(out) < 4*MaxPayload {
		f, is := l.journal.next()
		if !is {
			break
		}
		f.Ack = l.received
		out = f.Append(out)
		l.unacked = 0
	}
	if l.unacked >= ackEvery {
		out = Frame{Type: TypeAck, Ack: l.received}.Append(out)
		l.unacked = 0
	}
	return out
}

func (l *Link) onTick(now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case !l.isWelcome && !l.config.IsGuest:
		if now.Sub(l.lastSaidAt) >= repeatAfter/2 {
			l.lastSaidAt = now
			l.control = append(l.control[:0], Frame{Type: TypeChallenge, Payload: l.nonce})
		}
	case l.isWelcome && l.unacked > 0:
		l.control = append(l.control, Frame{Type: TypeAck})
		l.unacked = 0
	}
	// Whatever was in the journal and not acknowledged for long was lost.
	if l.isWelcome && len(l.journal.frames) > 0 && now.Sub(l.lastAckedAt) >= repeatAfter {
		l.lastAckedAt = now
		l.journal.rewind()
	}
	l.isNacked = false
	l.changed.Broadcast()
}
