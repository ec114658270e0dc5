package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"
)

// trust is whose certificate is believed: exactly these authorities', or the one with this SHA-256 thumbprint.
type trust struct {
	CaPem      string `json:"caPem"`
	Thumbprint string `json:"thumbprint"`
}

// connection is for one exchange. Its deadline moves whenever something is to be written or read.
type connection struct {
	net.Conn
	o      *order
	reader *bufio.Reader
}

// Read with a deadline of its own, so that what comes slowly but steadily is taken.
func (c *connection) Read(b []byte) (int, error) {
	if err := c.SetReadDeadline(time.Now().Add(c.o.stall())); err != nil {
		return 0, err
	}
	return c.Conn.Read(b)
}

// connect ends with a server that was found to be the right one: nothing secret has been written before.
func (o *order) connect() (*connection, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Duration(o.ConnectMs)*time.Millisecond)
	defer cancel()
	var dialer net.Dialer
	port := o.target.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[o.target.Scheme]
	}
	conn, err := dialer.DialContext(ctx, "tcp", net.JoinHostPort(o.target.Hostname(), port))
	if err != nil {
		return nil, failed(unreachable, err)
	}
	if o.target.Scheme == "https" {
		config, err := o.Trust.config(o.target.Hostname())
		if err != nil {
			conn.Close()
			return nil, err
		}
		secure := tls.Client(conn, config)
		if err := secure.HandshakeContext(ctx); err != nil {
			conn.Close()
			return nil, shaken(err)
		}
		conn = secure
	}
	c := &connection{Conn: conn, o: o}
	c.reader = bufio.NewReaderSize(c, 4096)
	return c, nil
}

func (t trust) config(host string) (*tls.Config, error) {
	config := &tls.Config{ServerName: host, NextProtos: []string{"http/1.1"}, MinVersion: tls.VersionTLS12}
	if t.Thumbprint != "" {
		want, err := hex.DecodeString(strings.NewReplacer(":", "", " ", "").Replace(t.Thumbprint))
		if err != nil || len(want) != sha256.Size {
			return nil, failed(untrusted, errors.New("the expected thumbprint is none of SHA-256"))
		}
		config.InsecureSkipVerify = true
		config.VerifyConnection = func(state tls.ConnectionState) error {
			shown := sha256.Sum256(state.PeerCertificates[0].Raw)
			if bytes.Equal(shown[:], want) {
				return nil
			}
			return failed(untrusted, fmt.Errorf("the certificate's SHA-256 thumbprint is %X, not the expected one", shown))
		}
		return config, nil
	}
	config.RootCAs = x509.NewCertPool()
	config.RootCAs.AppendCertsFromPEM([]byte(t.CaPem))
	return config, nil
}

// shaken tells a certificate that was refused from a handshake that broke.
func shaken(err error) error {
	var f *failure
	var verification *tls.CertificateVerificationError
	switch {
	case errors.As(err, &f):
		return f
	case errors.As(err, &verification):
		return failed(untrusted, err)
	}
	return failed(unreachable, err)
}

// begin writes the head of a request.
func (c *connection) begin(method string, length int64) error {
	var head strings.Builder
	fmt.Fprintf(&head, "%s %s HTTP/1.1\r\nHost: %s\r\nCookie: %s\r\nConnection: close\r\n",
		method, c.o.target.RequestURI(), c.o.target.Host, c.o.Cookie)
	if length >= 0 {
		fmt.Fprintf(&head, "Content-Type: application/octet-stream\r\nContent-Length: %d\r\n", length)
	}
	head.WriteString("\r\n")
	if err := c.SetWriteDeadline(time.Now().Add(c.o.stall())); err != nil {
		return err
	}
	_, err := c.Write([]byte(head.String()))
	return err
}

// answer waits for the head of the final response.
func (c *connection) answer(method string) (*http.Response, error) {
	for {
		response, err := http.ReadResponse(c.reader, &http.Request{Method: method})
		if err != nil || response.StatusCode >= 200 {
			return response, err
		}
	}
}
