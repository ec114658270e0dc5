// Package spool reads a blob that lies in parts of files, while it arrives there.
package spool

import (
	"bufio"
	"fmt"
	"io"
	"os"

	"stowage/registry/layerdisk/internal/failure"
)

// Parts is the blob whose parts are told line by line: `<descriptor> <from> <to>` says that the next bytes are those of the file that
// this process was started with as that descriptor, and that they are there. The blob ends with the lines.
type Parts struct {
	lines *bufio.Reader
	files map[uintptr]*os.File
	from  *os.File
	at    int64
	end   int64
}

// Follow begins with the first line.
func Follow(lines io.Reader) *Parts {
	return &Parts{lines: bufio.NewReader(lines), files: map[uintptr]*os.File{}}
}

func (p *Parts) Read(b []byte) (int, error) {
	for p.at == p.end {
		if err := p.next(); err != nil {
			return 0, err
		}
	}
	// At an offset of its own: whoever writes the file may have the same descriptor.
	n, err := p.from.ReadAt(b[:min(int64(len(b)), p.end-p.at)], p.at)
	p.at += int64(n)
	if n > 0 {
		return n, nil
	}
	if err == io.EOF {
		return 0, failure.New(failure.Internal, "the spool has less than was told")
	}
	return 0, failure.New(failure.Internal, "the spool cannot be read: %w", err)
}

func (p *Parts) next() error {
	line, err := p.lines.ReadString('\n')
	if err != nil {
		if err == io.EOF && line != "" {
			err = io.ErrUnexpectedEOF
		}
		return err
	}
	var descriptor uintptr
	var from, to int64
	if _, err := fmt.Sscanf(line, "%d %d %d\n", &descriptor, &from, &to); err != nil || descriptor < 3 || from < 0 || to < from {
		return failure.New(failure.Internal, "%q tells of no part of the spool", line)
	}
	if p.files[descriptor] == nil {
		p.files[descriptor] = os.NewFile(descriptor, fmt.Sprintf("spool %d", descriptor))
	}
	p.from, p.at, p.end = p.files[descriptor], from, to
	return nil
}
