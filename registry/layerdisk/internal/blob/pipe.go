package blob

import "io"

const (
	chunkBytes = 256 << 10
	// What one stage may be ahead of the next. Decompression comes in bursts, so a few chunks keep both cores at work.
	chunksInFlight = 8
)

// pipe hands chunks from one goroutine that fills them, over one that inspects them, to the one that reads. The buffers are a
// fixed number and go round. The reader sees the source's error after the last chunk.
type pipe struct {
	free, filled, ready chan []byte
	err                 error
	current, rest       []byte
}

// startPipe reads from until its end or until done is closed, and shows every chunk to inspect.
func startPipe(from io.Reader, inspect func(chunk []byte), done <-chan struct{}) *pipe {
	p := &pipe{
		free:   make(chan []byte, chunksInFlight),
		filled: make(chan []byte, chunksInFlight),
		ready:  make(chan []byte, chunksInFlight),
	}
	for range chunksInFlight {
		p.free <- make([]byte, chunkBytes)
	}
	go p.fill(from, done)
	go func() {
		for chunk := range p.filled {
			inspect(chunk)
			p.ready <- chunk
		}
		close(p.ready)
	}()
	return p
}

func (p *pipe) fill(from io.Reader, done <-chan struct{}) {
	defer close(p.filled)
	for p.err == nil {
		select {
		case buffer := <-p.free:
			var n int
			n, p.err = readChunk(from, buffer[:chunkBytes])
			p.filled <- buffer[:n]
		case <-done:
			p.err = io.ErrClosedPipe
		}
	}
}

// readChunk is io.ReadFull that keeps the source's own error: a source that was cut and one that ended are not the same.
func readChunk(from io.Reader, b []byte) (n int, err error) {
	for n < len(b) && err == nil {
		var read int
		read, err = from.Read(b[n:])
		n += read
	}
	return n, err
}

func (p *pipe) Read(b []byte) (int, error) {
	for len(p.rest) == 0 {
		if p.current != nil {
			p.free <- p.current
			p.current = nil
		}
		chunk, ok := <-p.ready
		if !ok {
			return 0, p.err
		}
		p.current, p.rest = chunk, chunk
	}
	n := copy(b, p.rest)
	p.rest = p.rest[n:]
	return n, nil
}
