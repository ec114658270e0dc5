// Command echo is a guest's end of a link on its standard input and output that sends back what comes on each stream: for tests of the gateway's
// end, which is in another language. The secret is in ECHO_SECRET.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"

	"stowage/guest/link"
)

type line struct{}

func (line) Read(b []byte) (int, error)  { return os.Stdin.Read(b) }
func (line) Write(b []byte) (int, error) { return os.Stdout.Write(b) }
func (line) Close() error                { return os.Stdout.Close() }

func main() {
	var guest *link.Link
	guest = link.New(link.Config{
		IsGuest: true, Container: os.Getenv("ECHO_CONTAINER"), Boot: "1", Secret: []byte(os.Getenv("ECHO_SECRET")),
		OnOpen: func(s *link.Stream, about json.RawMessage) {
			go func() {
				_ = guest.Say(s.ID, about)
				_, _ = io.Copy(s, s)
				_ = s.CloseWrite()
			}()
		},
		OnMessage: func(stream uint32, message json.RawMessage) { go func() { _ = guest.Say(stream, message) }() },
	})
	if err := guest.Run(line{}); err != nil && err != io.EOF {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
