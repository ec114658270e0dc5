package host

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"sync"
)

// monitor is a connection to QEMU's machine protocol (QMP): commands with numbered answers, and events.
type monitor struct {
	conn    net.Conn
	onEvent func(name string, data json.RawMessage)
	gone    chan struct{} // closed when QEMU hung up

	mu      sync.Mutex
	next    int
	waiting map[int]chan answer
}

type answer struct {
	Return json.RawMessage `json:"return"`
	Error  *Refusal        `json:"error"`
}

// Refusal is QEMU's answer to a command that it does not carry out.
type Refusal struct {
	Class string `json:"class"`
	Desc  string `json:"desc"`
}

func (r *Refusal) Error() string { return r.Desc }

var errHungUp = errors.New("the machine's process is gone")

// openMonitor waits for the greeting and leaves the negotiation mode.
func openMonitor(ctx context.Context, conn net.Conn, onEvent func(string, json.RawMessage)) (*monitor, error) {
	m := &monitor{conn: conn, onEvent: onEvent, gone: make(chan struct{}), waiting: map[int]chan answer{}}
	go m.read()
	return m, m.call(ctx, "qmp_capabilities", nil, nil)
}

func (m *monitor) read() {
	defer close(m.gone)
	d := json.NewDecoder(m.conn)
	for {
		var line struct {
			answer
			ID    *int            `json:"id"`
			Event string          `json:"event"`
			Data  json.RawMessage `json:"data"`
		}
		if d.Decode(&line) != nil {
			return
		}
		if line.Event != "" {
			m.onEvent(line.Event, line.Data)
		}
		if line.ID == nil {
			continue
		}
		m.mu.Lock()
		c := m.waiting[*line.ID]
		delete(m.waiting, *line.ID)
		m.mu.Unlock()
		if c != nil {
			c <- line.answer
		}
	}
}

// call runs a command; result may be nil. Errors: *Refusal, errHungUp, the context's.
func (m *monitor) call(ctx context.Context, command string, arguments, result any) error {
	m.mu.Lock()
	m.next++
	id, c := m.next, make(chan answer, 1)
	m.waiting[id] = c
	request := map[string]any{"execute": command, "id": id}
	if arguments != nil {
		request["arguments"] = arguments
	}
	err := json.NewEncoder(m.conn).Encode(request)
	m.mu.Unlock()
	if err != nil {
		return errHungUp
	}
	select {
	case a := <-c:
		if a.Error != nil {
			return a.Error
		}
		if result == nil {
			return nil
		}
		return json.Unmarshal(a.Return, result)
	case <-m.gone:
		return errHungUp
	case <-ctx.Done():
		return fmt.Errorf("%s: %w", command, ctx.Err())
	}
}
