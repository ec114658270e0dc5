package main

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"log"
	"sync"
	"time"

	"stowage/guest/internal/output"
	"stowage/guest/link"
)

// state is what the guest says of how it stands; PROTOCOL.md.
type state struct {
	Type      string `json:"type"`
	State     string `json:"state"`
	PID       int    `json:"pid,omitempty"`
	ExitCode  *int   `json:"exitCode,omitempty"`
	OOMKilled bool   `json:"oomKilled,omitempty"`
	Message   string `json:"message,omitempty"`
	StartedAt string `json:"startedAt,omitempty"`
}

// session is the talk with the gateway, whichever one it is.
type session struct {
	link   *link.Link
	output *output.Output

	mu      sync.Mutex
	state   state
	says    chan struct{} // that there is a state to be said
	saying  sync.Mutex
	streams sync.WaitGroup
	isOver  bool
	serve   func(*link.Stream, json.RawMessage)
}

func newSession(id, secret, startedAt string) *session {
	s := &session{says: make(chan struct{}, 1), state: state{Type: "state", State: "booting", StartedAt: startedAt}}
	boot := make([]byte, 16)
	_, _ = rand.Read(boot)
	s.link = link.New(link.Config{
		IsGuest: true, Container: id, Boot: hex.EncodeToString(boot), Secret: []byte(secret),
		OnOpen: s.onOpen, OnMessage: s.onMessage, OnWelcome: s.wake,
	})
	s.output = output.New(s.link.SendRecord)
	return s
}

// begin opens the line, and opens it again for as long as the machine lives.
func (s *session) begin(m *machine) {
	s.serve = m.serve
	open := openLine()
	go func() {
		for {
			line, err := open()
			if err != nil {
				log.Print(err)
			} else if err := s.link.Run(line); err != nil {
				log.Print(err)
			}
			time.Sleep(100 * time.Millisecond)
		}
	}()
	go func() {
		for range s.says {
			s.sayNow()
		}
	}()
}

// wake has the state said: who calls must not wait for room in the journal.
func (s *session) wake() {
	select {
	case s.says <- struct{}{}:
	default:
	}
}

func (s *session) sayNow() {
	s.saying.Lock()
	defer s.saying.Unlock()
	s.mu.Lock()
	said := s.state
	s.mu.Unlock()
	if err := s.link.Say(0, said); err != nil {
		log.Print(err)
	}
}

func (s *session) say(now state) {
	s.mu.Lock()
	now.Type, now.StartedAt = s.state.Type, s.state.StartedAt
	s.state = now
	s.mu.Unlock()
	s.sayNow()
}

func (s *session) standing() state {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state
}

func (s *session) onMessage(_ uint32, text json.RawMessage) {
	var message struct {
		Type string `json:"type"`
		UpTo uint64 `json:"upTo"`
	}
	if json.Unmarshal(text, &message) == nil && message.Type == "output" {
		s.output.Allow(message.UpTo)
	}
}

func (s *session) onOpen(stream *link.Stream, about json.RawMessage) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.isOver {
		go endOf(stream, conflict("the container has ended"))
		return
	}
	s.streams.Go(func() { s.serve(stream, about) })
}

// lastStreams is how long streams have to end by themselves, once the process has: execs of it have ended with it.
const lastStreams = 5 * time.Second

// closeStreams takes no more, and waits for those that are.
func (s *session) closeStreams() {
	s.mu.Lock()
	s.isOver = true
	s.mu.Unlock()
	done := make(chan struct{})
	go func() {
		s.streams.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(lastStreams):
	}
}

// waitUntilTold returns when the gateway has everything, or after that time.
func (s *session) waitUntilTold(within time.Duration) {
	for deadline := time.Now().Add(within); !s.link.Flushed() && time.Now().Before(deadline); {
		time.Sleep(5 * time.Millisecond)
	}
}
