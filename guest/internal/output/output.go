// Package output takes what the container's process writes to the gateway, as records, no faster than the gateway takes it.
package output

import (
	"encoding/binary"
	"io"
	"sync"
	"time"

	"stowage/guest/link"
)

const (
	// headSize: descriptor, time, offset.
	headSize = 1 + 8 + 8
	maxBytes = link.MaxPayload - headSize
	// readBytes: four records.
	readBytes = 4 * maxBytes
	// beforeAWord is how much is sent before a gateway has said how much it takes.
	beforeAWord = 64 << 10
)

// Descriptors as records have them.
const (
	Stdout byte = 1
	Stderr byte = 2
)

// Output is of one boot.
type Output struct {
	send func(record []byte) error

	ordering sync.Mutex // before mu

	mu      sync.Mutex
	changed *sync.Cond
	offset  uint64
	upTo    uint64
	readers sync.WaitGroup
}

// New makes one that hands its records to send.
func New(send func(record []byte) error) *Output {
	o := &Output{send: send, upTo: beforeAWord}
	o.changed = sync.NewCond(&o.mu)
	return o
}

// Allow lets bytes be sent up to this offset. Another gateway may say less than the one before; what is under way is under way.
func (o *Output) Allow(upTo uint64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.upTo = max(o.upTo, upTo)
	o.changed.Broadcast()
}

// Take reads from until its end, in a goroutine of its own, and closes it.
func (o *Output) Take(fd byte, from io.ReadCloser) {
	o.readers.Go(func() {
		defer from.Close()
		o.take(fd, from)
	})
}

func (o *Output) take(fd byte, from io.Reader) {
	read := make([]byte, readBytes)
	for {
		// Nothing is read before it may be sent: the process waits instead, as at a terminal that nobody reads.
		got, err := from.Read(read[:o.reserve()])
		now := uint64(time.Now().UnixNano())
		for at := 0; at < got; at += maxBytes {
			piece := read[at:min(got, at+maxBytes)]
			record := append(make([]byte, headSize, headSize+len(piece)), piece...)
			record[0] = fd
			binary.BigEndian.PutUint64(record[1:], now)
			if o.hand(record) != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// reserve waits until a byte may be sent, and gives how many may be.
func (o *Output) reserve() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	for o.offset >= o.upTo {
		o.changed.Wait()
	}
	return int(min(readBytes, o.upTo-o.offset))
}

// hand sends it. Both descriptors' records go in the order of their offsets. Two readers may have reserved the same bytes: then the second
// waits here. Sending waits for the gateway, whose word that it takes more must get through meanwhile: so mu is not held.
func (o *Output) hand(record []byte) error {
	o.ordering.Lock()
	defer o.ordering.Unlock()
	size := uint64(len(record) - headSize)
	o.mu.Lock()
	for o.offset+size > o.upTo {
		o.changed.Wait()
	}
	binary.BigEndian.PutUint64(record[9:], o.offset)
	o.offset += size
	o.mu.Unlock()
	return o.send(record)
}

// Wait waits until all that was taken has ended, or not longer than this; it says whether it has.
func (o *Output) Wait(within time.Duration) bool {
	done := make(chan struct{})
	go func() {
		o.readers.Wait()
		close(done)
	}()
	select {
	case <-done:
		return true
	case <-time.After(within):
		return false
	}
}
