package link

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"
)

const (
	// JournalMax is how many bytes may be unacknowledged, of all streams together; whoever sends then waits.
	JournalMax = 1 << 20
	// MaxStreams bounds what a peer can have us hold.
	MaxStreams = 1024
	// ackEvery: so many frames are received before an acknowledgement goes by itself.
	ackEvery = 8
	tick     = 100 * time.Millisecond
	// repeatAfter: so long nothing was acknowledged.
	repeatAfter = 500 * time.Millisecond
)

// ErrPeer is wrapped by what a peer did against the protocol.
var ErrPeer = errors.New("link: the peer broke the protocol")

// ErrStreamOver: both directions of the stream are over, or the gateway that opened it is gone.
var ErrStreamOver = errors.New("link: the stream is over")

// Config is one end's.
type Config struct {
	// IsGuest: the gateway challenges, the guest answers.
	IsGuest   bool
	Container string
	Boot      string
	Secret    []byte
	// OnOpen is told of streams that the peer opens, in their order; it must not block.
	OnOpen func(s *Stream, about json.RawMessage)
	// OnMessage is told of the peer's messages, in their order; it must not block.
	OnMessage func(stream uint32, message json.RawMessage)
	// OnRecord is told of what the guest's process wrote, in its order; it must not block, and the bytes are its own.
	OnRecord func(record []byte)
	// OnWelcome is told each time both ends believe each other.
	OnWelcome func()
	// Gateway names the process that is the gateway's end: streams do not outlive it.
	Gateway string
}

// Link is one end. What is sent while nobody is there waits in its journal; a line that is dropped is replaced with Run.
type Link struct {
	config   Config
	handling sync.Mutex

	mu          sync.Mutex
	changed     *sync.Cond
	journal     journal
	received    uint32
	unacked     int // frames received since the last acknowledgement
	isNacked    bool
	control     []Frame
	isWelcome   bool
	nonce       []byte
	streams     map[uint32]*Stream
	nextStream  uint32
	lastAckedAt time.Time
	lastSaidAt  time.Time
	failure     error
	run         int    // which Run owns the line
	gateway     string // that said welcome last
	generation  int    // of streams: those of one gateway
}

// New makes an end that has no line yet.
func New(config Config) *Link {
	l := &Link{config: config, streams: map[uint32]*Stream{}, nextStream: 2}
	if config.IsGuest {
		l.nextStream = 1
	}
	l.changed = sync.NewCond(&l.mu)
	return l
}

// Run uses the line until it breaks; a later Run goes on where this one was. It gives io.EOF when the line ends, and an error that wraps
// ErrPeer when the peer cannot be believed: then the link is of no use any more.
func (l *Link) Run(line io.ReadWriteCloser) error {
	l.mu.Lock()
	if l.failure != nil {
		defer l.mu.Unlock()
		return l.failure
	}
	l.run++
	mine := l.run
	l.isWelcome, l.nonce, l.control = false, nil, nil
	if !l.config.IsGuest {
		l.nonce = newNonce()
		l.control = []Frame{{Type: TypeChallenge, Payload: l.nonce}}
		l.lastSaidAt = time.Now()
	}
	l.changed.Broadcast()
	l.mu.Unlock()

	written := make(chan error, 1)
	go func() { written <- l.writeTo(line, mine) }()
	err := l.readFrom(line, mine)
	l.mu.Lock()
	if l.run == mine {
		l.run++
		l.isWelcome = false
	}
	if errors.Is(err, ErrPeer) {
		l.failLocked(err)
	}
	l.changed.Broadcast()
	l.mu.Unlock()
	_ = line.Close()
	if werr := <-written; werr != nil && (err == nil || errors.Is(err, io.EOF)) {
		return werr
	}
	return err
}

func (l *Link) readFrom(line io.Reader, mine int) error {
	var decoder Decoder
	buffer := make([]byte, 32<<10)
	for {
		size, err := line.Read(buffer)
		var broken error
		decoder.Feed(buffer[:size], func(f Frame) {
			if broken == nil {
				broken = l.handle(f, mine)
			}
		})
		if broken != nil {
			return broken
		}
		if err != nil {
			return err
		}
	}
}

// send puts a frame into the journal; it waits while that is full.
func (l *Link) send(f Frame) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for l.journal.bytes >= JournalMax && l.failure == nil {
		l.changed.Wait()
	}
	return l.sendLocked(f)
}

func (l *Link) sendLocked(f Frame) error {
	if l.failure != nil {
		return l.failure
	}
	if len(l.journal.frames) == 0 {
		l.lastAckedAt = time.Now()
	}
	l.journal.add(f)
	l.changed.Broadcast()
	return nil
}

// sendOf is send for a frame of a stream, which may be over by the time that there is room.
func (l *Link) sendOf(s *Stream, f Frame) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for l.journal.bytes >= JournalMax && l.failure == nil && l.generation == s.generation {
		l.changed.Wait()
	}
	if l.failure == nil && l.generation != s.generation {
		return ErrStreamOver
	}
	return l.sendLocked(f)
}

// Open opens a stream; about says what it is for.
func (l *Link) Open(about any) (*Stream, error) {
	text, err := json.Marshal(about)
	if err != nil {
		return nil, err
	}
	if len(text) > MaxPayload {
		return nil, fmt.Errorf("link: %d bytes are too many to say what a stream is for", len(text))
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.streams) >= MaxStreams {
		return nil, errors.New("link: too many streams")
	}
	s := newStream(l, l.nextStream)
	l.nextStream += 2
	l.streams[s.ID] = s
	return s, l.sendLocked(Frame{Type: TypeOpen, Stream: s.ID, Payload: text})
}

// Say sends a message about a stream, or with 0 about the container.
func (l *Link) Say(stream uint32, message any) error {
	text, err := json.Marshal(message)
	if err != nil {
		return err
	}
	if len(text) > MaxPayload {
		return fmt.Errorf("link: a message of %d bytes", len(text))
	}
	return l.send(Frame{Type: TypeMessage, Stream: stream, Payload: text})
}

// SendRecord hands over what the process wrote, as PROTOCOL.md lays it out. The bytes are the link's from then on.
func (l *Link) SendRecord(record []byte) error {
	if len(record) > MaxPayload {
		return fmt.Errorf("link: a record of %d bytes", len(record))
	}
	return l.send(Frame{Type: TypeRecord, Payload: record})
}

// Flushed says whether the peer has everything.
func (l *Link) Flushed() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.journal.frames) == 0
}

// Fail ends the link and all its streams with err.
func (l *Link) Fail(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.failLocked(err)
	l.changed.Broadcast()
}

func (l *Link) failLocked(err error) {
	if l.failure != nil {
		return
	}
	l.failure = err
	for _, s := range l.streams {
		s.fail(err)
	}
}
