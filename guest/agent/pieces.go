package main

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"os"
	"sync"
	"syscall"

	"stowage/guest/internal/rootfs"
	"stowage/guest/link"
)

// Types of pieces; PROTOCOL.md.
const (
	pieceData   = 1
	pieceStderr = 2
	pieceLast   = 3
	pieceOnWay  = 4
	maxPiece    = 65536
)

// refusal is an error as the gateway is told it.
type refusal struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

func (r *refusal) Error() string { return r.Message }

func notFound(message string) error { return &refusal{"not-found", message} }
func conflict(message string) error { return &refusal{"conflict", message} }
func invalid(message string) error  { return &refusal{"invalid", message} }

// refusalOf translates what the kernel said.
func refusalOf(err error) *refusal {
	var known *refusal
	switch {
	case errors.As(err, &known):
		return known
	case errors.Is(err, os.ErrNotExist), errors.Is(err, rootfs.ErrNoMount):
		return &refusal{"not-found", err.Error()}
	case errors.Is(err, syscall.EBUSY):
		return &refusal{"conflict", err.Error()}
	case errors.Is(err, syscall.ENOTDIR), errors.Is(err, syscall.EINVAL):
		return &refusal{"invalid", err.Error()}
	}
	return &refusal{"internal", err.Error()}
}

// pieces is the guest's direction of a stream.
type pieces struct {
	mu     sync.Mutex
	stream *link.Stream
}

func (p *pieces) put(kind byte, payload []byte) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for first := true; first || len(payload) > 0; first = false {
		size := min(len(payload), maxPiece)
		piece := binary.BigEndian.AppendUint32([]byte{kind, 0, 0, 0}, uint32(size))
		if _, err := p.stream.Write(append(piece, payload[:size]...)); err != nil {
			return err
		}
		payload = payload[size:]
	}
	return nil
}

func (p *pieces) putJSON(kind byte, value any) {
	text, err := json.Marshal(value)
	if err != nil {
		text = []byte(`{"error":{"code":"internal","message":"an answer that is no JSON"}}`)
	}
	_ = p.put(kind, text) // the stream may be over: then nobody is there to be told
}

// as is a writer of pieces of one kind.
func (p *pieces) as(kind byte) pieceWriter { return pieceWriter{p, kind} }

type pieceWriter struct {
	pieces *pieces
	kind   byte
}

func (w pieceWriter) Write(from []byte) (int, error) {
	if len(from) == 0 {
		return 0, nil
	}
	if err := w.pieces.put(w.kind, from); err != nil {
		return 0, err
	}
	return len(from), nil
}

// endOf says the last piece of a stream, with what went wrong or with nothing.
func endOf(stream *link.Stream, err error) {
	p := &pieces{stream: stream}
	if err != nil {
		p.putJSON(pieceLast, map[string]any{"error": refusalOf(err)})
	} else {
		p.putJSON(pieceLast, struct{}{})
	}
	_ = stream.CloseWrite()
}
