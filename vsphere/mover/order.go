package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"time"
)

// order is what is to be done, one line of JSON. It comes on stdin because arguments and environment can be read by others.
type order struct {
	// URL is the file's, with its query; http or https.
	URL    string `json:"url"`
	Cookie string `json:"cookie"`
	Trust  trust  `json:"trust"`
	// File is of this machine, and has SizeBytes.
	File      string `json:"file"`
	SizeBytes int64  `json:"sizeBytes"`
	// IsThere: it was sent already, and is to be compared only.
	IsThere bool `json:"isThere"`
	// ConnectMs is for the connection and its TLS, StallMs for any two signs of life after that.
	ConnectMs int `json:"connectMs"`
	StallMs   int `json:"stallMs"`

	target *url.URL
}

func readOrder(in *bufio.Reader) (*order, error) {
	text, err := in.ReadBytes('\n')
	if err != nil {
		return nil, errors.New("the order is no line of JSON")
	}
	o := &order{}
	// Errors of the decoder may quote the order, and with it the cookie.
	if json.Unmarshal(text, o) != nil {
		return nil, errors.New("the order is no line of JSON")
	}
	if o.target, err = url.Parse(o.URL); err != nil || o.target.Host == "" || o.File == "" || o.SizeBytes < 0 ||
		o.ConnectMs <= 0 || o.StallMs <= 0 || (o.target.Scheme != "http" && o.target.Scheme != "https") {
		return nil, fmt.Errorf("the order lacks something")
	}
	return o, nil
}

func (o *order) stall() time.Duration { return time.Duration(o.StallMs) * time.Millisecond }

// found says what is on the datastore, beside the file.
type found string

const (
	same      found = "same"
	different found = "different"
	missing   found = "missing"
)

// carryOut sends the file when the word has been given, and compares what is there then.
func (o *order) carryOut(t *teller, word <-chan struct{}) (found, error) {
	file, err := os.Open(o.File)
	if err != nil {
		return "", failed(local, err)
	}
	defer file.Close()
	if !o.IsThere {
		if err := o.send(file, t, word); err != nil {
			return "", err
		}
	}
	return o.compare(file, t)
}
