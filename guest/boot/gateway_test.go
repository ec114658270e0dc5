package boot

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"stowage/guest/link"
)

// gateway is the other end of the line; its output is what a log would have.
type gateway struct {
	t        *testing.T
	listener net.Listener
	window   uint64

	mu      sync.Mutex
	changed *sync.Cond
	number  int
	link    *link.Link
	line    net.Conn
	output  [3][]byte // by descriptor
	taken   uint64    // the offset up to which there is output
	doubles int
	states  []object
}

func newGateway(t *testing.T) *gateway {
	t.Helper()
	return newGatewayAt(t, "127.0.0.1:0")
}

func newGatewayAt(t *testing.T, address string) *gateway {
	t.Helper()
	listener, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	g := &gateway{t: t, listener: listener, window: 1 << 20}
	g.changed = sync.NewCond(&g.mu)
	g.replace()
	go g.accept()
	t.Cleanup(func() {
		_ = listener.Close()
		g.cut()
	})
	return g
}

func (g *gateway) address() string { return g.listener.Addr().String() }

// replace has another gateway process take over: it knows of the log, and nothing of streams.
func (g *gateway) replace() {
	g.mu.Lock()
	g.number++
	var fresh *link.Link
	fresh = link.New(link.Config{
		Container: containerID, Secret: []byte(theSecret), Gateway: fmt.Sprintf("gateway-%d", g.number),
		OnRecord:  func(record []byte) { g.onRecord(fresh, record) },
		OnMessage: func(_ uint32, text json.RawMessage) { g.onMessage(text) },
		OnWelcome: func() { go g.allow(fresh) },
	})
	g.link = fresh
	g.mu.Unlock()
	g.cut()
}

// cut drops the line; the machine dials again.
func (g *gateway) cut() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.line != nil {
		_ = g.line.Close()
	}
}

func (g *gateway) accept() {
	for {
		line, err := g.listener.Accept()
		if err != nil {
			return
		}
		g.mu.Lock()
		g.line = line
		current := g.link
		g.mu.Unlock()
		go func() {
			if err := current.Run(line); errors.Is(err, link.ErrPeer) {
				g.t.Error(err)
			}
			_ = line.Close()
		}()
	}
}

func (g *gateway) allow(to *link.Link) {
	g.mu.Lock()
	upTo := g.taken + g.window
	g.mu.Unlock()
	_ = to.Say(0, object{"type": "output", "upTo": upTo})
}

func (g *gateway) onRecord(from *link.Link, record []byte) {
	g.mu.Lock()
	defer g.mu.Unlock()
	offset := binary.BigEndian.Uint64(record[9:])
	bytes := record[17:]
	switch {
	case offset < g.taken:
		g.doubles++
		return
	case offset > g.taken:
		g.t.Errorf("a gap in the output: %d, and then %d", g.taken, offset)
	}
	g.output[record[0]] = append(g.output[record[0]], bytes...)
	before := g.taken
	g.taken += uint64(len(bytes))
	if before/(g.window/4) != g.taken/(g.window/4) {
		go g.allow(from)
	}
	g.changed.Broadcast()
}

func (g *gateway) onMessage(text json.RawMessage) {
	var message object
	if json.Unmarshal(text, &message) != nil || message["type"] != "state" {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.states = append(g.states, message)
	g.changed.Broadcast()
}

// until waits for something that is changed under mu.
func (g *gateway) until(what string, is func() bool) {
	g.t.Helper()
	timer := time.AfterFunc(giveUp, func() { g.changed.Broadcast() })
	defer timer.Stop()
	deadline := time.Now().Add(giveUp)
	g.mu.Lock()
	defer g.mu.Unlock()
	for !is() {
		if time.Now().After(deadline) {
			g.t.Fatalf("%s: does not come; %d bytes of output, stdout %q, stderr %q, states %v", what, g.taken, tail(g.output[1]), tail(g.output[2]), g.states)
		}
		g.changed.Wait()
	}
}

func tail(b []byte) []byte { return b[max(0, len(b)-100):] }

func (g *gateway) untilState(state string) object {
	g.t.Helper()
	var found object
	g.until("state "+state, func() bool {
		for _, each := range g.states {
			if each["state"] == state {
				found = each
			}
		}
		return found != nil
	})
	return found
}

func (g *gateway) untilOutput(text string) {
	g.t.Helper()
	g.until(fmt.Sprintf("output %q", text), func() bool { return bytes.Contains(g.output[1], []byte(text)) })
}

func (g *gateway) stdout() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return string(g.output[1])
}

// answer is all that came on a stream.
type answer struct {
	stdout, stderr []byte
	onWay          []object
	last           object
}

func (g *gateway) open(about object) *link.Stream {
	g.t.Helper()
	g.mu.Lock()
	current := g.link
	g.mu.Unlock()
	s, err := current.Open(about)
	if err != nil {
		g.t.Fatal(err)
	}
	return s
}

// ask opens a stream, sends input and takes what comes.
func (g *gateway) ask(about object, input []byte) answer {
	g.t.Helper()
	s := g.open(about)
	go func() {
		_, _ = s.Write(input)
		_ = s.CloseWrite()
	}()
	a, err := readPieces(s, nil)
	if err != nil {
		g.t.Errorf("%v: %v", about, err)
	}
	return a
}

func readPieces(s io.Reader, each func(kind byte, payload []byte)) (answer, error) {
	var a answer
	for {
		head := make([]byte, 8)
		if _, err := io.ReadFull(s, head); err != nil {
			return a, err
		}
		payload := make([]byte, binary.BigEndian.Uint32(head[4:]))
		if _, err := io.ReadFull(s, payload); err != nil {
			return a, err
		}
		if each != nil {
			each(head[0], payload)
		}
		switch head[0] {
		case 1:
			a.stdout = append(a.stdout, payload...)
		case 2:
			a.stderr = append(a.stderr, payload...)
		case 3:
			return a, json.Unmarshal(payload, &a.last)
		case 4:
			var message object
			_ = json.Unmarshal(payload, &message)
			a.onWay = append(a.onWay, message)
		}
	}
}

func (g *gateway) exec(more object, argv ...string) answer {
	g.t.Helper()
	about := object{"for": "exec", "id": fmt.Sprint("e", time.Now().UnixNano()), "argv": argv}
	for key, value := range more {
		about[key] = value
	}
	return g.ask(about, nil)
}

func (g *gateway) call(method string, params object) answer {
	g.t.Helper()
	return g.ask(object{"for": "call", "method": method, "params": params}, nil)
}

// result is a call's, which must succeed.
func (g *gateway) result(method string, params object) object {
	g.t.Helper()
	a := g.call(method, params)
	result, is := a.last["result"].(map[string]any)
	if !is {
		g.t.Fatalf("%s %v: %v", method, params, a.last)
	}
	return result
}
