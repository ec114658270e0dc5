package link

import (
	"errors"
	"fmt"
	"io"
	"testing"
	"time"
)

func TestRecordsComeOnceAndInOrderThroughCuts(t *testing.T) {
	p := newPair()
	cut := p.connect(0)
	<-p.welcomes
	for at := range 300 {
		if at%60 == 59 {
			cut()
			cut = p.connect(1e-4)
		}
		if err := p.guest.SendRecord(fmt.Append(nil, at)); err != nil {
			t.Fatal(err)
		}
	}
	defer cut()
	for at := range 300 {
		select {
		case got := <-p.records:
			if got != fmt.Sprint(at) {
				t.Fatalf("record %s instead of %d", got, at)
			}
		case <-time.After(20 * time.Second):
			t.Fatalf("record %d does not come", at)
		}
	}
}

// The streams of the first gateway have the numbers that the second gives its own.
func TestStreamsEndWithTheirGateway(t *testing.T) {
	p := newPair()
	cut := p.connect(0)
	<-p.welcomes
	if _, err := p.gateway.Open("a stream"); err != nil {
		t.Fatal(err)
	}
	old := <-p.opened
	cut()
	if _, err := old.Write([]byte("nobody is there")); err != nil {
		t.Fatal(err)
	}
	_ = p.guest.Say(old.ID, "about the old one")
	_ = p.guest.SendRecord([]byte("a record"))
	p.gateway = p.newGateway()
	fresh, err := p.gateway.Open("another stream")
	if err != nil || fresh.ID != old.ID {
		t.Fatal(fresh.ID, err)
	}
	cut = p.connect(0)
	defer cut()
	theirs := <-p.opened
	if _, err := old.Read(make([]byte, 1)); !errors.Is(err, ErrStreamOver) {
		t.Fatalf("reading of the old one gave %v", err)
	}
	if _, err := old.Write([]byte("late")); !errors.Is(err, ErrStreamOver) {
		t.Fatalf("writing to the old one gave %v", err)
	}
	go echo(theirs)
	_, _ = fresh.Write([]byte("new"))
	_ = fresh.CloseWrite()
	if got, err := io.ReadAll(fresh); err != nil || string(got) != "new" {
		t.Fatalf("%q %v", got, err)
	}
	if got := <-p.records; got != "a record" {
		t.Fatal(got)
	}
	for range 2 { // data, message: their numbers are still counted
		if got := <-p.messages; got != void {
			t.Fatal(got)
		}
	}
}

// The same gateway, only another line.
func TestStreamsOutliveALine(t *testing.T) {
	p := newPair()
	cut := p.connect(0)
	s, err := p.gateway.Open("a stream")
	if err != nil {
		t.Fatal(err)
	}
	theirs := <-p.opened
	cut()
	defer p.connect(0)()
	go echo(theirs)
	_, _ = s.Write([]byte("still there"))
	_ = s.CloseWrite()
	if got, err := io.ReadAll(s); err != nil || string(got) != "still there" {
		t.Fatalf("%q %v", got, err)
	}
}
