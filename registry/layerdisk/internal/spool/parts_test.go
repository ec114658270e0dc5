package spool

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"stowage/registry/layerdisk/internal/failure"
)

func fileOf(t *testing.T, content string) *os.File {
	t.Helper()
	name := filepath.Join(t.TempDir(), "part")
	if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := os.OpenFile(name, os.O_RDWR|os.O_APPEND, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { file.Close() })
	return file
}

// told opens the same descriptors twice, so they are the test's to close.
func told(lines io.Reader, files ...*os.File) *Parts {
	p := Follow(lines)
	for _, file := range files {
		p.files[file.Fd()] = file
	}
	return p
}

func TestPartsAreReadInTheOrderThatIsTold(t *testing.T) {
	one, two := fileOf(t, "xxhelloxx"), fileOf(t, ", world")
	lines := fmt.Sprintf("%d 2 5\n%d 5 7\n%d 0 0\n%d 0 7\n", one.Fd(), one.Fd(), two.Fd(), two.Fd())
	got, err := io.ReadAll(told(strings.NewReader(lines), one, two))
	if err != nil || string(got) != "hello, world" {
		t.Fatalf("%q, %v", got, err)
	}
}

func TestAPartIsReadWhenItIsTold(t *testing.T) {
	part := fileOf(t, "")
	lines, tell := io.Pipe()
	read := make(chan string)
	go func() {
		p := told(lines, part)
		buffer := make([]byte, 100)
		for {
			n, err := p.Read(buffer)
			if err != nil {
				close(read)
				return
			}
			read <- string(buffer[:n])
		}
	}()
	for at, text := range []string{"a", "b"} {
		if _, err := part.WriteString(text); err != nil {
			t.Fatal(err)
		}
		select {
		case got := <-read:
			t.Fatalf("%q was not told yet", got)
		case <-time.After(20 * time.Millisecond):
		}
		fmt.Fprintf(tell, "%d %d %d\n", part.Fd(), at, at+1)
		if got := <-read; got != text {
			t.Fatal(got)
		}
	}
	tell.Close()
	if _, ok := <-read; ok {
		t.Error("it goes on")
	}
}

func TestWhatIsToldWrongIsNoEnd(t *testing.T) {
	part := fileOf(t, "abc")
	for _, lines := range []string{
		fmt.Sprintf("%d 0 4\n", part.Fd()), fmt.Sprintf("%d 0 3", part.Fd()), fmt.Sprintf("%d 3 1\n", part.Fd()),
		fmt.Sprintf("%d -1 1\n", part.Fd()), "0 0 3\n", "hello\n", "\n", "999 0 1\n",
	} {
		_, err := io.ReadAll(told(strings.NewReader(lines), part))
		var f *failure.Error
		if !errors.Is(err, io.ErrUnexpectedEOF) && (!errors.As(err, &f) || f.Code != failure.Internal) {
			t.Errorf("%q: %v", lines, err)
		}
	}
}
