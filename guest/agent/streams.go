package main

import (
	"encoding/json"
	"fmt"
	"io"
	"log"
	"runtime/debug"

	"stowage/guest/internal/rootfs"
	"stowage/guest/internal/tarstream"
	"stowage/guest/link"
)

// purpose is what a stream is for; PROTOCOL.md, "Streams". Which fields there are depends on For.
type purpose struct {
	For string `json:"for"`

	Closes bool `json:"closes"`

	execRequest

	Path                 string `json:"path"`
	NoOverwriteDirNonDir bool   `json:"noOverwriteDirNonDir"`
	CopyUIDGID           bool   `json:"copyUidGid"`

	Method string          `json:"method"`
	Params json.RawMessage `json:"params"`
}

// serve is the life of one stream.
func (m *machine) serve(stream *link.Stream, about json.RawMessage) {
	defer func() {
		// What one stream brought about must not end process 1, and the container with it.
		if cause := recover(); cause != nil {
			log.Printf("%v\n%s", cause, debug.Stack())
			endOf(stream, fmt.Errorf("the guest's agent failed: %v", cause))
		}
	}()
	var p purpose
	about, err := stream.Purpose(about)
	if err == nil {
		err = json.Unmarshal(about, &p)
	}
	if err != nil {
		endOf(stream, invalid("what the stream is for: "+err.Error()))
		return
	}
	if v := m.visit.Load(); v != nil {
		v.begins()
		defer func() { v.ends(p.For) }()
	}
	if p.For == "call" {
		m.answer(stream, p)
		return
	}
	if p.For != "stdin" && m.session.standing().State != "running" {
		endOf(stream, conflict("the container is not running"))
		return
	}
	out := (&pieces{stream: stream}).as(pieceData)
	switch p.For {
	case "stdin":
		endOf(stream, m.box.takeInput(stream, p.Closes))
	case "exec":
		m.box.exec(stream, p.execRequest)
	case "read":
		endOf(stream, tarstream.Read(rootfs.Root, p.Path, out))
	case "export":
		endOf(stream, tarstream.Export(rootfs.Plain, out))
	case "write":
		user := ""
		if p.CopyUIDGID {
			user = m.box.spec.User
		}
		err := tarstream.Write(rootfs.Root, tarstream.Into{Path: p.Path, NoOverwriteDirNonDir: p.NoOverwriteDirNonDir, User: user}, stream)
		_, _ = io.Copy(io.Discard, stream)
		endOf(stream, err)
	default:
		endOf(stream, invalid(fmt.Sprintf("no stream is for %q", p.For)))
	}
}

// takeInput hands to the process what comes.
func (b *container) takeInput(stream *link.Stream, closes bool) error {
	b.mu.Lock()
	stdin := b.stdin
	b.mu.Unlock()
	if stdin == nil {
		return conflict("the container is not running")
	}
	_, err := io.Copy(stdin, stream)
	if err == nil && closes {
		stdin.close()
	}
	if err != nil {
		// The process has closed it; what comes is for nobody.
		_, _ = io.Copy(io.Discard, stream)
	}
	return nil
}

func (m *machine) answer(stream *link.Stream, p purpose) {
	result, err := m.call(p.Method, p.Params)
	if err != nil {
		endOf(stream, err)
		return
	}
	if result == nil {
		result = struct{}{}
	}
	(&pieces{stream: stream}).putJSON(pieceLast, map[string]any{"result": result})
	_ = stream.CloseWrite()
}
