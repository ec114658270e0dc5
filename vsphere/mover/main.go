// Command mover sends a file to a datastore over HTTP and reads it back: see README.md.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"sync"
	"time"
)

const progressEvery = 200 * time.Millisecond

func main() {
	if len(os.Args) > 1 {
		fmt.Fprintln(os.Stderr, "usage: mover < order, see README.md")
		os.Exit(2)
	}
	os.Exit(run(os.Stdin, os.Stdout))
}

// run gives the exit code. Whoever gave the order holds in open: when that ends, nobody wants the result any more.
func run(in io.Reader, out io.Writer) int {
	lines := bufio.NewReader(in)
	o, err := readOrder(lines)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	t := &teller{out: json.NewEncoder(out)}
	word := make(chan struct{})
	abandoned := make(chan struct{})
	go func() {
		if _, err := lines.ReadString('\n'); err == nil {
			close(word)
			_, _ = io.Copy(io.Discard, lines)
		}
		close(abandoned)
	}()
	code := make(chan int, 1)
	go func() {
		found, err := o.carryOut(t, word)
		if err != nil {
			t.end(err)
			code <- 1
			return
		}
		t.say(line{Found: found})
		code <- 0
	}()
	select {
	case exit := <-code:
		return exit
	case <-abandoned:
		return 3
	}
}

// line is one of those on stdout; each has one of the fields.
type line struct {
	Connected bool     `json:"connected,omitempty"`
	Sent      int64    `json:"sent,omitempty"`
	Read      int64    `json:"read,omitempty"`
	Found     found    `json:"found,omitempty"`
	Error     *failure `json:"error,omitempty"`
}

// teller writes lines, those about progress only now and then.
type teller struct {
	mu   sync.Mutex
	out  *json.Encoder
	last time.Time
}

func (t *teller) say(l line) {
	t.mu.Lock()
	defer t.mu.Unlock()
	_ = t.out.Encode(l)
}

func (t *teller) progress(l line, isLast bool) {
	if now := time.Now(); isLast || now.Sub(t.last) >= progressEvery {
		t.last = now
		t.say(l)
	}
}

func (t *teller) end(err error) {
	t.say(line{Error: failureOf(err)})
}
