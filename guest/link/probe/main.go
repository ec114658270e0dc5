// Command probe is a guest without a container in it, for tests of the gateway: it dials PROBE_GATEWAY (several,
// separated by commas, in turn) as the host of a machine would, writes lines of ten
// bytes as a process would, as many bytes as PROBE_BYTES says or its standard input asks for, and answers streams and calls.
package main

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"stowage/guest/link"
)

const recordHead = 17

type probe struct {
	link *link.Link

	mu      sync.Mutex
	changed *sync.Cond
	wanted  int64 // bytes to write
	sent    int64
	upTo    int64
	state   map[string]any
	conn    net.Conn
	mounts  map[string]any // by uuid
}

func main() {
	p := &probe{upTo: 65536, mounts: map[string]any{}, state: map[string]any{"type": "state", "state": "running", "pid": 2, "startedAt": os.Getenv("PROBE_RUN")}}
	p.changed = sync.NewCond(&p.mu)
	p.wanted, _ = strconv.ParseInt(os.Getenv("PROBE_BYTES"), 10, 64)
	p.link = link.New(link.Config{
		IsGuest: true, Container: os.Getenv("PROBE_CONTAINER"), Boot: os.Getenv("PROBE_BOOT"), Secret: []byte(os.Getenv("PROBE_SECRET")),
		OnOpen:    func(s *link.Stream, about json.RawMessage) { go p.serve(s, about) },
		OnMessage: p.hear,
		OnWelcome: func() { go p.say() },
	})
	go p.write()
	go p.obey()
	if code := os.Getenv("PROBE_EXIT"); code != "" {
		go p.exit(code)
	}
	gateways := strings.Split(os.Getenv("PROBE_GATEWAY"), ",")
	for at := 0; ; at++ {
		conn, err := net.Dial("tcp", gateways[at%len(gateways)])
		if err == nil {
			p.mu.Lock()
			p.conn = conn
			p.mu.Unlock()
			err = p.link.Run(conn)
			if err != nil && err != io.EOF {
				fmt.Fprintln(os.Stderr, err)
			}
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func (p *probe) say() {
	p.mu.Lock()
	state, _ := json.Marshal(p.state)
	p.mu.Unlock()
	_ = p.link.Say(0, json.RawMessage(state))
}

func (p *probe) hear(stream uint32, message json.RawMessage) {
	var said struct {
		Type string `json:"type"`
		UpTo int64  `json:"upTo"`
	}
	if stream != 0 || json.Unmarshal(message, &said) != nil || said.Type != "output" {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.upTo = max(p.upTo, said.UpTo)
	p.changed.Broadcast()
}

// write writes what is wanted and may go.
func (p *probe) write() {
	for {
		p.mu.Lock()
		for p.sent >= min(p.wanted, p.upTo) {
			p.changed.Wait()
		}
		from, to := p.sent, min(p.wanted, p.upTo, p.sent+link.MaxPayload-recordHead)
		p.mu.Unlock()
		record := make([]byte, recordHead, recordHead+to-from)
		record[0] = 1
		binary.BigEndian.PutUint64(record[1:], uint64(time.Now().UnixNano()))
		binary.BigEndian.PutUint64(record[9:], uint64(from))
		_ = p.link.SendRecord(appendLines(record, from, to))
		p.mu.Lock()
		p.sent = to
		p.changed.Broadcast()
		p.mu.Unlock()
	}
}

// appendLines appends bytes from to to of the numbers from 0 on, nine digits a line.
func appendLines(out []byte, from, to int64) []byte {
	for at := from; at < to; {
		line := fmt.Appendf(nil, "%09d\n", at/10)
		piece := line[at%10 : min(10, at%10+to-at)]
		out = append(out, piece...)
		at += int64(len(piece))
	}
	return out
}

// obey takes "emit 1000", "exit 3" and "hang-up" from standard input.
func (p *probe) obey() {
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		verb, rest, _ := strings.Cut(lines.Text(), " ")
		switch verb {
		case "emit":
			more, _ := strconv.ParseInt(rest, 10, 64)
			p.mu.Lock()
			p.wanted += more
			p.changed.Broadcast()
			p.mu.Unlock()
		case "exit":
			go p.exit(rest)
		case "hang-up":
			p.mu.Lock()
			_ = p.conn.Close()
			p.mu.Unlock()
		}
	}
}

// exit waits until all is written, says so, and is gone when the gateway has it.
func (p *probe) exit(code string) {
	p.mu.Lock()
	for p.sent < p.wanted {
		p.changed.Wait()
	}
	number, _ := strconv.Atoi(code)
	p.state["state"], p.state["exitCode"] = "exited", number
	p.mu.Unlock()
	p.say()
	for !p.link.Flushed() {
		time.Sleep(time.Millisecond)
	}
	os.Exit(0)
}

func (p *probe) serve(s *link.Stream, about json.RawMessage) {
	var asked struct {
		For    string         `json:"for"`
		Method string         `json:"method"`
		Params map[string]any `json:"params"`
	}
	about, err := s.Purpose(about)
	if err != nil {
		return
	}
	_ = json.Unmarshal(about, &asked)
	switch {
	case asked.For == "call":
		_, _ = io.Copy(io.Discard, s)
		piece(s, 3, p.answer(asked.Method, asked.Params))
		if asked.Method == "stop" && os.Getenv("PROBE_STOPS") != "" {
			defer func() { go p.exit("0") }()
		}
	case asked.For == "echo":
		buffer := make([]byte, 32<<10)
		for {
			size, err := s.Read(buffer)
			if size > 0 {
				piece(s, 1, buffer[:size])
			}
			if err != nil {
				break
			}
		}
		piece(s, 3, []byte("{}"))
	case asked.For == "flood":
		for piece(s, 1, make([]byte, 32<<10)) == nil {
		}
	}
	_ = s.CloseWrite()
}

func (p *probe) answer(method string, params map[string]any) []byte {
	p.mu.Lock()
	sent := p.sent
	uuid, _ := params["uuid"].(string)
	switch method {
	case "mount":
		p.mounts[uuid] = params["destination"]
	case "unmount":
		delete(p.mounts, uuid)
	}
	mounts := maps.Clone(p.mounts)
	p.mu.Unlock()
	answer := map[string]any{"result": map[string]any{"method": method, "params": params, "sent": sent, "mounts": mounts}}
	if method == "fail" {
		answer = map[string]any{"error": map[string]any{"code": params["code"], "message": "as it was asked to"}}
	}
	text, _ := json.Marshal(answer)
	return text
}

func piece(s *link.Stream, kind byte, payload []byte) error {
	head := []byte{kind, 0, 0, 0, 0, 0, 0, 0}
	binary.BigEndian.PutUint32(head[4:], uint32(len(payload)))
	_, err := s.Write(append(head, payload...))
	return err
}
