package main

import (
	"bytes"
	"errors"
	"io"
	"os"
)

// Both pieces stay in a core's cache.
const compareBytes = 128 << 10

// compare is a GET of all that is there, beside the file.
func (o *order) compare(file *os.File, t *teller) (found, error) {
	c, err := o.connect()
	if err != nil {
		return "", err
	}
	defer c.Close()
	if err := c.begin("GET", -1); err != nil {
		return "", broken("GET", err)
	}
	response, err := c.answer("GET")
	if err != nil {
		return "", broken("GET", err)
	}
	switch response.StatusCode {
	case 200:
	case 404:
		return missing, nil
	default:
		return "", unwelcome("GET", response.StatusCode)
	}
	if response.ContentLength >= 0 && response.ContentLength != o.SizeBytes {
		return different, nil
	}
	theirs, ours := make([]byte, compareBytes), make([]byte, compareBytes)
	for at := int64(0); ; {
		n, err := response.Body.Read(theirs)
		// The file may be shorter than it was: then what is there is another.
		if m, readErr := file.ReadAt(ours[:n], at); readErr != nil && readErr != io.EOF {
			return "", failed(local, readErr)
		} else if at += int64(n); !bytes.Equal(theirs[:n], ours[:m]) || at > o.SizeBytes {
			return different, nil
		}
		if n > 0 {
			t.progress(line{Read: at}, at == o.SizeBytes)
		}
		if errors.Is(err, io.EOF) {
			if at != o.SizeBytes {
				return different, nil
			}
			return same, nil
		}
		if err != nil {
			return "", broken("GET", err)
		}
	}
}
