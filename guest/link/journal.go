package link

// void is a message that says nothing.
const void = "null"

// journal keeps reliable frames from when they are handed over until the peer has acknowledged them.
type journal struct {
	frames []Frame // with consecutive sequence numbers
	last   uint32  // given
	sent   uint32  // up to which they were written to the line
	bytes  int
}

// add takes a frame over; its payload is the journal's from then on.
func (j *journal) add(f Frame) {
	j.last++
	f.Seq = j.last
	j.frames = append(j.frames, f)
	j.bytes += headerSize + len(f.Payload)
}

// first gives the lowest number that can still be sent.
func (j *journal) first() uint32 { return j.last + 1 - uint32(len(j.frames)) }

// acknowledge forgets what the peer has. It says whether that was news, and false for numbers that were never given.
func (j *journal) acknowledge(received uint32) bool {
	first := j.first()
	if received < first || received > j.last {
		return false
	}
	gone := received + 1 - first
	for at := range gone {
		j.bytes -= headerSize + len(j.frames[at].Payload)
		j.frames[at] = Frame{}
	}
	j.frames = j.frames[gone:]
	j.sent = max(j.sent, received)
	return true
}

// next gives the next frame to write, if there is one.
func (j *journal) next() (Frame, bool) {
	if j.sent == j.last {
		return Frame{}, false
	}
	f := j.frames[j.sent+1-j.first()]
	j.sent++
	return f, true
}

// rewind has everything after what the peer has written again.
func (j *journal) rewind() { j.sent = j.first() - 1 }

// startAfter gives the frames that wait, of which none was sent yet, numbers after this one.
func (j *journal) startAfter(number uint32) {
	for at := range j.frames {
		j.frames[at].Seq = number + uint32(at) + 1
	}
	j.last = number + uint32(len(j.frames))
	j.sent = number
}

// voidStreams leaves nothing of any stream. The numbers stay: the peer counts them.
func (j *journal) voidStreams() {
	for at, f := range j.frames {
		if f.Stream != 0 {
			j.bytes += len(void) - len(f.Payload)
			j.frames[at] = Frame{Type: TypeMessage, Seq: f.Seq, Payload: []byte(void)}
		}
	}
}
