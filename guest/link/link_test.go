package link

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"
	"testing"
	"time"
)

// wire is one direction of a serial line: bytes of it may be lost, and all of it while it is deaf.
type wire struct {
	mu     sync.Mutex
	change *sync.Cond
	bytes  []byte
	isOver bool
	losing float64 // of each byte
}

func newWire(losing float64) *wire {
	w := &wire{losing: losing}
	w.change = sync.NewCond(&w.mu)
	return w
}

func (w *wire) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for len(w.bytes) > 64<<10 && !w.isOver {
		w.change.Wait()
	}
	if w.isOver {
		return 0, io.ErrClosedPipe
	}
	for _, each := range b {
		if w.losing == 0 || rand.Float64() >= w.losing {
			w.bytes = append(w.bytes, each)
		}
	}
	w.change.Broadcast()
	return len(b), nil
}

func (w *wire) Read(into []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for len(w.bytes) == 0 && !w.isOver {
		w.change.Wait()
	}
	if len(w.bytes) == 0 {
		return 0, io.EOF
	}
	size := copy(into, w.bytes)
	w.bytes = w.bytes[size:]
	w.change.Broadcast()
	return size, nil
}

func (w *wire) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.isOver = true
	w.change.Broadcast()
	return nil
}

type end struct {
	io.Reader
	io.Writer
	close func()
}

func (e end) Close() error { e.close(); return nil }

// line gives the two ends of a new line.
func line(losing float64) (end, end) {
	there, back := newWire(losing), newWire(losing)
	closeBoth := func() { _ = there.Close(); _ = back.Close() }
	return end{back, there, closeBoth}, end{there, back, closeBoth}
}

type pair struct {
	guest, gateway *Link
	opened         chan *Stream
	messages       chan string
	records        chan string
	gateways       int
	welcomes       chan struct{}
}

var secret = []byte("the secret of this container")

func newPair() *pair {
	p := &pair{opened: make(chan *Stream, 100), messages: make(chan string, 1000), records: make(chan string, 1000), welcomes: make(chan struct{}, 100)}
	p.guest = New(Config{
		IsGuest: true, Container: "c1", Boot: "b1", Secret: secret,
		OnOpen:    func(s *Stream, _ json.RawMessage) { p.opened <- s },
		OnWelcome: func() { p.welcomes <- struct{}{} },
	})
	p.gateway = p.newGateway()
	return p
}

func (p *pair) newGateway() *Link {
	p.gateways++
	return New(Config{
		Container: "c1", Secret: secret, Gateway: fmt.Sprint("gateway ", p.gateways),
		OnRecord:  func(record []byte) { p.records <- string(record) },
		OnMessage: func(_ uint32, m json.RawMessage) { p.messages <- string(m) },
	})
}

// connect runs both on a new line until cut is called.
func (p *pair) connect(losing float64) (cut func()) {
	a, b := line(losing)
	var group sync.WaitGroup
	group.Go(func() { _ = p.guest.Run(a) })
	group.Go(func() { _ = p.gateway.Run(b) })
	return func() { a.close(); group.Wait() }
}

func echo(s *Stream) {
	_, _ = io.Copy(s, s)
	_ = s.CloseWrite()
}

// roundTrip sends size bytes through a stream that the guest echoes, and compares what comes back.
func (p *pair) roundTrip(t *testing.T, size int) error {
	s, err := p.gateway.Open(map[string]string{"for": "echo"})
	if err != nil {
		return err
	}
	go echo(<-p.opened)
	sent := random(size)
	go func() {
		_, _ = s.Write(sent)
		_ = s.CloseWrite()
	}()
	got := sha256.New()
	if _, err := io.Copy(got, s); err != nil {
		return err
	}
	if want := sha256.Sum256(sent); !bytes.Equal(got.Sum(nil), want[:]) {
		return errors.New("what came back is not what was sent")
	}
	return nil
}

func TestStreamsCarryBothWays(t *testing.T) {
	p := newPair()
	defer p.connect(0)()
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			if err := p.roundTrip(t, 3<<20); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	for name, l := range map[string]*Link{"gateway": p.gateway, "guest": p.guest} {
		l.mu.Lock()
		left := len(l.streams)
		l.mu.Unlock()
		if left != 0 {
			t.Errorf("%d streams of the %s are left", left, name)
		}
	}
}

// A 16550 that nobody empties in time drops what comes.
func TestNothingIsLostOnALineThatLosesBytes(t *testing.T) {
	p := newPair()
	defer p.connect(1e-5)()
	if err := p.roundTrip(t, 2<<20); err != nil {
		t.Fatal(err)
	}
}

func TestALineThatIsCutGoesOnWhereItWas(t *testing.T) {
	p := newPair()
	done := make(chan error, 1)
	cut := p.connect(0)
	go func() { done <- p.roundTrip(t, 20<<20) }()
	cuts := 0
	for {
		select {
		case err := <-done:
			cut()
			if err != nil {
				t.Fatal(err)
			}
			if cuts == 0 {
				t.Skip("it was over before the first cut")
			}
			return
		case <-time.After(15 * time.Millisecond):
			cut()
			cuts++
			cut = p.connect(0)
			<-p.welcomes
		}
	}
}

func TestMessagesComeOnceAndInOrderThroughCuts(t *testing.T) {
	p := newPair()
	cut := p.connect(0)
	<-p.welcomes
	for at := range 300 {
		if at%60 == 59 {
			cut()
			cut = p.connect(1e-4)
		}
		if err := p.guest.Say(0, at); err != nil {
			t.Fatal(err)
		}
	}
	for at, lines := 0, 0; at < 300; {
		select {
		case got := <-p.messages:
			if got != fmt.Sprint(at) {
				t.Fatalf("message %s instead of %d", got, at)
			}
			at++
		case <-time.After(500 * time.Millisecond):
			// The greeting itself may have been lost: whoever keeps a line makes another then.
			if lines++; lines > 40 {
				t.Fatalf("message %d does not come", at)
			}
			cut()
			cut = p.connect(0)
		}
	}
	cut()
}

// The gateway died; the next one knows nothing, and is told what the guest says from then on.
func TestAnotherGatewayTakesOver(t *testing.T) {
	p := newPair()
	cut := p.connect(0)
	_ = p.guest.Say(0, "to the first")
	<-p.messages
	for !p.guest.Flushed() {
		time.Sleep(time.Millisecond)
	}
	cut()
	p.gateway = p.newGateway()
	_ = p.guest.Say(0, "to the second")
	_ = p.gateway.Say(0, "early")
	cut = p.connect(0)
	defer cut()
	if got := <-p.messages; got != `"to the second"` {
		t.Fatal(got)
	}
	if err := p.roundTrip(t, 100_000); err != nil {
		t.Fatal(err)
	}
}

func TestAGuestWithAnotherSecretIsRefused(t *testing.T) {
	p := newPair()
	p.guest = New(Config{IsGuest: true, Container: "c1", Boot: "b1", Secret: []byte("guessed")})
	a, b := line(0)
	go func() { _ = p.guest.Run(a) }()
	if err := p.gateway.Run(b); !errors.Is(err, ErrPeer) {
		t.Fatalf("it gave %v", err)
	}
}

func TestAGatewayWithAnotherSecretIsNotBelieved(t *testing.T) {
	p := newPair()
	a, b := line(0)
	go func() { _ = p.guest.Run(a) }()
	defer a.close()
	var nonce = newNonce()
	lie := Frame{Type: TypeChallenge, Payload: nonce}.Append(nil)
	lie = Frame{Type: TypeWelcome, Payload: mustJSON(Welcome{Proof: proof([]byte("guessed"), nonce, "gateway", "c1", "b1")})}.Append(lie)
	open := Frame{Type: TypeOpen, Stream: 2, Seq: 1, Payload: []byte("{}")}
	lie = open.Append(lie)
	if _, err := b.Write(lie); err != nil {
		t.Fatal(err)
	}
	select {
	case <-p.opened:
		t.Fatal("it opened a stream")
	case <-p.welcomes:
		t.Fatal("it was believed")
	case <-time.After(100 * time.Millisecond):
	}
}

// liar is a guest that knows the secret and nothing of manners; it gives what the gateway says of it.
func liar(t *testing.T, frames ...Frame) error {
	t.Helper()
	p := newPair()
	a, b := line(0)
	result := make(chan error, 1)
	go func() { result <- p.gateway.Run(b) }()
	var decoder Decoder
	buffer := make([]byte, 4096)
	for said := false; !said; {
		size, err := a.Read(buffer)
		if err != nil {
			t.Fatal(err)
		}
		decoder.Feed(buffer[:size], func(f Frame) {
			if f.Type != TypeChallenge || said {
				return
			}
			said = true
			hello := Hello{Container: "c1", Boot: "b", First: 1, Proof: proof(secret, f.Payload, "guest", "c1", "b")}
			out := Frame{Type: TypeHello, Payload: mustJSON(hello)}.Append(nil)
			for at, each := range frames {
				each.Seq = uint32(at + 1)
				out = each.Append(out)
			}
			_, _ = a.Write(out)
		})
	}
	select {
	case err := <-result:
		return err
	case <-time.After(10 * time.Second):
		a.close()
		return errors.New("nothing happened")
	}
}

func TestAGuestThatLiesIsGivenUp(t *testing.T) {
	open := Frame{Type: TypeOpen, Stream: 1, Payload: []byte("{}")}
	data := Frame{Type: TypeData, Stream: 1, Payload: make([]byte, MaxPayload)}
	flood := []Frame{open}
	for range Window/MaxPayload + 1 {
		flood = append(flood, data)
	}
	many := []Frame{}
	for at := range MaxStreams + 1 {
		many = append(many, Frame{Type: TypeOpen, Stream: uint32(2*at + 1), Payload: []byte("{}")})
	}
	for name, frames := range map[string][]Frame{
		"more than the window":    flood,
		"too many streams":        many,
		"a stream that is ours":   {{Type: TypeOpen, Stream: 2, Payload: []byte("{}")}},
		"a stream twice":          {open, open},
		"credit beyond a window":  {open, {Type: TypeCredit, Stream: 1, Payload: []byte{0xff, 0xff, 0xff, 0xff}}},
		"credit of another shape": {open, {Type: TypeCredit, Stream: 1, Payload: []byte{1}}},
	} {
		t.Run(name, func(t *testing.T) {
			if err := liar(t, frames...); !errors.Is(err, ErrPeer) {
				t.Fatalf("it gave %v", err)
			}
		})
	}
}

func TestASenderWaitsForAReaderThatIsSlow(t *testing.T) {
	p := newPair()
	defer p.connect(0)()
	s, err := p.gateway.Open("x")
	if err != nil {
		t.Fatal(err)
	}
	theirs := <-p.opened
	wrote := make(chan int, 1)
	go func() {
		size, _ := s.Write(make([]byte, 2*Window))
		wrote <- size
	}()
	select {
	case <-wrote:
		t.Fatal("all was taken, though nobody reads")
	case <-time.After(100 * time.Millisecond):
	}
	if _, err := io.CopyN(io.Discard, theirs, 2*Window); err != nil {
		t.Fatal(err)
	}
	if size := <-wrote; size != 2*Window {
		t.Fatal(size)
	}
}
