// Package rpci asks the host for a machine's guestinfo, with VMware's RPCI commands over either of two transports.
package rpci

import (
	"errors"
	"fmt"
	"strings"
	"sync"
)

// Transport takes one command to the host and gives its answer.
type Transport interface {
	Ask(command string) (string, error)
}

// ErrRefused is wrapped by what the host answered with 0: mostly that there is no such key.
var ErrRefused = errors.New("rpci: refused")

// Client may be used by several at once.
type Client struct {
	mu        sync.Mutex
	transport Transport
}

// New makes a client.
func New(transport Transport) *Client { return &Client{transport: transport} }

// Get gives the value of a key, or an error that wraps ErrRefused.
func (c *Client) Get(key string) (string, error) { return c.ask("info-get " + key) }

// Set writes a key. A value with a newline cannot travel: what is behind it comes in the same line.
func (c *Client) Set(key, value string) error {
	_, err := c.ask("info-set " + key + " " + strings.Join(strings.FieldsFunc(value, isNewline), " "))
	return err
}

func isNewline(r rune) bool { return r == '\n' || r == '\r' }

func (c *Client) ask(command string) (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	answer, err := c.transport.Ask(command)
	if err != nil {
		return "", err
	}
	verdict, rest, _ := strings.Cut(answer, " ")
	if verdict != "1" {
		return "", fmt.Errorf("%w: %s", ErrRefused, rest)
	}
	return rest, nil
}
