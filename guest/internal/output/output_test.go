package output

import (
	"bytes"
	"io"
	"testing"
	"time"
)

// A gateway that says it takes more must be heard while a record waits to be sent: else neither goes on.
func TestCreditComesThroughWhileARecordWaits(t *testing.T) {
	waits, goOn := make(chan struct{}), make(chan struct{})
	o := New(func([]byte) error {
		waits <- struct{}{}
		<-goOn
		return nil
	})
	o.Take(Stdout, io.NopCloser(bytes.NewReader([]byte("x"))))
	<-waits
	heard := make(chan struct{})
	go func() {
		o.Allow(1 << 20)
		close(heard)
	}()
	select {
	case <-heard:
	case <-time.After(10 * time.Second):
		t.Fatal("it is not heard")
	}
	close(goOn)
	if !o.Wait(10 * time.Second) {
		t.Fatal("it does not end")
	}
}

// endless is a process that never stops writing.
type endless struct{}

func (endless) Read(into []byte) (int, error) { return len(into), nil }
func (endless) Close() error                  { return nil }

func TestNoMoreIsSentThanIsTaken(t *testing.T) {
	sent := make(chan int, 1000)
	o := New(func(record []byte) error {
		sent <- len(record) - headSize
		return nil
	})
	o.Take(Stdout, endless{})
	o.Take(Stderr, endless{})
	total := 0
	for total < beforeAWord-2*maxBytes {
		total += <-sent
	}
	time.Sleep(50 * time.Millisecond)
	for len(sent) > 0 {
		total += <-sent
	}
	if total > beforeAWord {
		t.Fatalf("%d bytes before a word", total)
	}
}
