package rpci

import (
	"encoding/binary"
	"errors"
	"net"
	"strings"
	"testing"
)

// fakeHost is VMware's side of the backdoor.
type fakeHost struct {
	info        map[string]string
	said        []byte
	left        int
	answer      []byte
	checkpoints int
	open        int
}

func (h *fakeHost) call(r *registers) {
	if r.ax != magic || r.dx&0xffff != port || r.cx&0xffff != commandMessage {
		panic("not a message")
	}
	status := uint32(statusSuccess)
	switch r.cx >> 16 {
	case messageOpen:
		h.open++
		r.dx, r.si, r.di = 3<<16, 0x11, 0x22
	case messageSendSize:
		h.said, h.left = nil, int(r.bx)
	case messageSendPayload:
		four := binary.LittleEndian.AppendUint32(nil, r.bx)
		h.said = append(h.said, four[:min(4, h.left)]...)
		h.left -= min(4, h.left)
		if h.checkpoints > 0 {
			h.checkpoints--
			status = statusCheckpoint
		}
		if h.left == 0 {
			h.answer = []byte(reply(h.info, string(h.said)))
		}
	case messageReceiveSize:
		status |= statusHasAnswer
		r.bx = uint32(len(h.answer))
	case messageReceiveData:
		var four [4]byte
		h.answer = h.answer[copy(four[:], h.answer):]
		r.bx = binary.LittleEndian.Uint32(four[:])
	case messageClose:
		h.open--
	}
	r.cx = status << 16
}

func reply(info map[string]string, command string) string {
	words := strings.SplitN(command, " ", 3)
	if words[0] == "info-set" {
		info[words[1]] = words[2]
		return "1 "
	}
	if value, is := info[words[1]]; is {
		return "1 " + value
	}
	return "0 No value found"
}

func TestTheBackdoorsMessages(t *testing.T) {
	for checkpoints := range 3 {
		host := &fakeHost{info: map[string]string{"guestinfo.a": "an answer"}, checkpoints: checkpoints}
		c := New(&Backdoor{call: host.call})
		if got, err := c.Get("guestinfo.a"); err != nil || got != "an answer" {
			t.Fatalf("%q %v", got, err)
		}
		if err := c.Set("guestinfo.b", "two\nlines"); err != nil || host.info["guestinfo.b"] != "two lines" {
			t.Fatal(err, host.info)
		}
		if _, err := c.Get("guestinfo.none"); !errors.Is(err, ErrRefused) {
			t.Fatal(err)
		}
		if host.open != 0 {
			t.Fatalf("%d channels are left open", host.open)
		}
	}
}

// The host's end comes late, and then answers what was asked twice.
func TestALateAnswerIsNotTakenForTheNext(t *testing.T) {
	ours, theirs := net.Pipe()
	defer ours.Close()
	go func() {
		buffer := make([]byte, 1000)
		_, _ = theirs.Read(buffer) // and no answer
		_, _ = theirs.Read(buffer)
		_, _ = theirs.Write([]byte("1 first\n"))
		_, _ = theirs.Write([]byte("1 first\n"))
		_, _ = theirs.Read(buffer)
		_, _ = theirs.Write([]byte("1 second\n"))
	}()
	c := New(NewPort(ours))
	for _, want := range []string{"first", "second"} {
		if got, err := c.Get("x"); err != nil || got != want {
			t.Fatalf("%q %v", got, err)
		}
	}
}
