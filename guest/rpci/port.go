package rpci

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"time"
)

const (
	repeatAfter = time.Second
	// drainFor is how long answers to a command that was said more than once are waited for, before the next.
	drainFor = 50 * time.Millisecond
	// maxAnswer bounds what a host can make a guest hold.
	maxAnswer = 16 << 20
)

// Line is the port; *os.File is one where it can be polled.
type Line interface {
	io.ReadWriter
	SetReadDeadline(time.Time) error
	SetWriteDeadline(time.Time) error
}

// Port is the lab's transport: a virtio-serial port, one command and one answer a line.
type Port struct {
	line Line
	held []byte
	// owed is how many answers to commands before may still come.
	owed int
}

// NewPort makes the transport of an open port.
func NewPort(line Line) *Port { return &Port{line: line} }

// Ask repeats the command until it is answered: the host's end may come late.
func (p *Port) Ask(command string) (string, error) {
	p.drain()
	for {
		if err := p.say(command); err != nil {
			return "", err
		}
		p.owed++
		answer, err := p.answer(repeatAfter)
		if err == nil {
			p.owed--
			return answer, nil
		}
		if !errors.Is(err, os.ErrDeadlineExceeded) && !errors.Is(err, io.EOF) {
			return "", fmt.Errorf("rpci: %w", err)
		}
		if errors.Is(err, io.EOF) {
			// Nobody is at the other end.
			time.Sleep(20 * time.Millisecond)
		}
	}
}

func (p *Port) say(command string) error {
	rest := append([]byte(command), '\n')
	for len(rest) > 0 {
		_ = p.line.SetWriteDeadline(time.Now().Add(repeatAfter))
		size, err := p.line.Write(rest)
		rest = rest[size:]
		if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
			return fmt.Errorf("rpci: %w", err)
		}
	}
	return nil
}

// drain: an answer that comes late must not be taken for the next command's.
func (p *Port) drain() {
	for p.owed > 0 {
		if _, err := p.answer(drainFor); err != nil {
			break
		}
		p.owed--
	}
	p.owed = 0
	p.held = nil
}

func (p *Port) answer(within time.Duration) (string, error) {
	_ = p.line.SetReadDeadline(time.Now().Add(within))
	buffer := make([]byte, 64<<10)
	for {
		if at := bytes.IndexByte(p.held, '\n'); at >= 0 {
			line := string(p.held[:at])
			p.held = append([]byte(nil), p.held[at+1:]...)
			return line, nil
		}
		if len(p.held) > maxAnswer {
			return "", errors.New("an answer without an end")
		}
		size, err := p.line.Read(buffer)
		p.held = append(p.held, buffer[:size]...)
		if err != nil {
			return "", err
		}
	}
}
