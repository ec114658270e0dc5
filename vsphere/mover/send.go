package main

import (
	"errors"
	"io"
	"net"
	"os"
	"time"
)

// pieceBytes is what the kernel is asked to send at once, and must take before the deadline.
const pieceBytes = 256 << 10

// answerGrace is how long a server that hangs up in the middle may have said why.
const answerGrace = time.Second

type reply struct {
	status int
	err    error
}

// send is a PUT. The server is known before the word is waited for, so that nothing but the request is between the word and it.
func (o *order) send(file *os.File, t *teller, word <-chan struct{}) error {
	c, err := o.connect()
	if err != nil {
		return err
	}
	defer c.Close()
	t.say(line{Connected: true})
	<-word
	if err := c.begin("PUT", o.SizeBytes); err != nil {
		return broken("PUT", err)
	}
	// A server that refuses answers before it has all.
	early := make(chan reply, 1)
	sent := make(chan struct{})
	go func() { early <- c.reply(sent) }()
	err = c.pour(file, t, early)
	close(sent)
	switch {
	case errors.Is(err, errAnswered):
	case isLocal(err):
		return err
	case err != nil:
		// The answer may be on its way.
		select {
		case r := <-early:
			early <- r
			if r.err != nil {
				return broken("PUT", err)
			}
		case <-time.After(answerGrace):
			return broken("PUT", err)
		}
	}
	// Within the stall limit, which the reader keeps from here on.
	r := <-early
	if r.err != nil {
		return broken("PUT", r.err)
	}
	if r.status != 200 && r.status != 201 && r.status != 204 {
		return unwelcome("PUT", r.status)
	}
	if errors.Is(err, errAnswered) {
		return broken("PUT", errors.New("it was answered before all was sent"))
	}
	return nil
}

// reply reads the answer to a PUT. It is late only when the stall limit has passed since all was sent.
func (c *connection) reply(sent <-chan struct{}) reply {
	for {
		wasSent := isClosed(sent)
		_, err := c.reader.Peek(1)
		if err == nil {
			break
		}
		if wasSent || !isTimeout(err) {
			return reply{err: err}
		}
	}
	response, err := c.answer("PUT")
	if err != nil {
		return reply{err: err}
	}
	return reply{status: response.StatusCode}
}

func isClosed(done <-chan struct{}) bool {
	select {
	case <-done:
		return true
	default:
		return false
	}
}

var errAnswered = errors.New("answered")

func isLocal(err error) bool {
	var f *failure
	return errors.As(err, &f) && f.Kind == local
}

// pour sends the body. Over plain HTTP the kernel takes it from the page cache: sendfile(2).
func (c *connection) pour(file *os.File, t *teller, early chan reply) error {
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return failed(local, err)
	}
	var buffer []byte
	if _, isPlain := c.Conn.(*net.TCPConn); !isPlain {
		buffer = make([]byte, pieceBytes)
	}
	for sent := int64(0); sent < c.o.SizeBytes; {
		select {
		case r := <-early:
			early <- r
			if r.err != nil {
				return r.err
			}
			return errAnswered
		default:
		}
		if err := c.SetWriteDeadline(time.Now().Add(c.o.stall())); err != nil {
			return err
		}
		piece := io.LimitReader(file, min(pieceBytes, c.o.SizeBytes-sent))
		n, err := io.CopyBuffer(c.Conn, piece, buffer)
		if err != nil {
			var unreadable *os.PathError
			if errors.As(err, &unreadable) {
				return failed(local, err)
			}
			return err
		}
		if n == 0 {
			return failed(local, errors.New("the file is shorter than it was"))
		}
		sent += n
		t.progress(line{Sent: sent}, sent == c.o.SizeBytes)
	}
	return nil
}
