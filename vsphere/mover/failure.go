package main

import (
	"errors"
	"io"
	"net"
	"syscall"
)

// kind is what a failure means to whoever gave the order.
type kind string

const (
	// The server answered, with another status than was hoped for.
	refused kind = "refused"
	// Its certificate is not the expected one, or of nobody who is trusted.
	untrusted kind = "untrusted"
	// It gave no answer, or none that is HTTP.
	unreachable kind = "unreachable"
	// The file of this machine cannot be read, or is another than the order says.
	local kind = "local"
)

// failure is the last line of an order that was not carried out.
type failure struct {
	Kind    kind   `json:"kind"`
	Message string `json:"message"`
	Status  int    `json:"status,omitempty"`
	// While is PUT or GET.
	While string `json:"while,omitempty"`
	// WasSent: the request may have reached the server. WasCut: the connection ended, it was not we who gave up waiting.
	WasSent bool `json:"wasSent"`
	WasCut  bool `json:"wasCut"`
}

func (f *failure) Error() string { return f.Message }

func failed(as kind, err error) error { return &failure{Kind: as, Message: err.Error()} }

func failureOf(err error) *failure {
	var f *failure
	if errors.As(err, &f) {
		return f
	}
	return &failure{Kind: unreachable, Message: err.Error()}
}

// broken is an exchange that got no whole answer.
func broken(method string, err error) error {
	f := &failure{Kind: unreachable, While: method, Message: err.Error(), WasSent: true}
	switch {
	case isTimeout(err):
		f.Message = "it took too long"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		f.WasCut, f.Message = true, "the connection ended"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		f.WasCut = true
	}
	return f
}

func unwelcome(method string, status int) error {
	return &failure{Kind: refused, While: method, Status: status, Message: "another status was expected", WasSent: true}
}

func isTimeout(err error) bool {
	var timeout net.Error
	return errors.As(err, &timeout) && timeout.Timeout()
}
