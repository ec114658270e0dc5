package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"stowage/registry/layerdisk/internal/failure"
)

type ended struct {
	answer
	exit      int
	peakBytes int64
	took      time.Duration
}

func programCommand(t *testing.T, arguments ...string) (command *exec.Cmd, status string) {
	status = filepath.Join(t.TempDir(), "status")
	command = exec.Command(os.Args[0], arguments...)
	command.Env = append(os.Environ(), asProgram+"="+status)
	return command, status
}

// runProgram runs layerdisk as a process, with what feed writes on its standard input.
func runProgram(t *testing.T, feed func(io.Writer), arguments ...string) ended {
	t.Helper()
	command, status := programCommand(t, arguments...)
	command.Stderr = os.Stderr
	var out bytes.Buffer
	command.Stdout = &out
	in, err := command.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	started := time.Now()
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		feed(in)
		in.Close()
	}()
	// A process that ends without reading all is what some tests are about, so the exit code is looked at and not the error.
	_ = command.Wait()
	e := ended{exit: command.ProcessState.ExitCode(), took: time.Since(started)}
	text, err := os.ReadFile(status)
	if err != nil {
		t.Fatal(err)
	}
	peak := regexp.MustCompile(`VmHWM:\s+(\d+) kB`).FindSubmatch(text)
	kilobytes, err := strconv.ParseInt(string(peak[1]), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	e.peakBytes = kilobytes << 10
	if out.Len() > 0 {
		if err := json.Unmarshal(out.Bytes(), &e.answer); err != nil {
			t.Fatalf("%v: %q", err, out.String())
		}
	}
	return e
}

// largeLayer has files of the same random bytes.
func largeLayer(w io.Writer, files int, fileBytes int) {
	body := make([]byte, fileBytes)
	rand.NewChaCha8([32]byte{1}).Read(body)
	t := tar.NewWriter(w)
	for n := range files {
		name := fmt.Sprintf("%s%d", strings.Repeat("d/", n%7), n)
		t.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644, Size: int64(fileBytes)})
		t.Write(body)
	}
	t.Close()
}

func TestALargeLayerTakesLittleMemory(t *testing.T) {
	plain := func(w io.Writer) { largeLayer(w, 100, 5<<20) }
	compressed := func(w io.Writer) {
		z, err := zstd.NewWriter(w, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithWindowSize(8<<20))
		if err != nil {
			t.Error(err)
			return
		}
		plain(z)
		z.Close()
	}
	for name, feed := range map[string]func(io.Writer){"tar": plain, "zstd": compressed} {
		e := runProgram(t, feed, "-out", filepath.Join(t.TempDir(), "image"))
		if e.exit != 0 || e.ContentBytes != 500<<20 {
			t.Fatalf("%s: %+v", name, e)
		}
		if e.peakBytes > 64<<20 {
			t.Errorf("%s: %d MiB at the most", name, e.peakBytes>>20)
		}
		t.Logf("%s: %d MiB at the most, %v", name, e.peakBytes>>20, e.took)
	}
}

func TestABombEndsAtTheLimit(t *testing.T) {
	var bomb bytes.Buffer
	z, err := gzip.NewWriterLevel(&bomb, gzip.BestSpeed)
	if err != nil {
		t.Fatal(err)
	}
	w := tar.NewWriter(z)
	if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: "zeros", Mode: 0o644, Size: 1 << 30}); err != nil {
		t.Fatal(err)
	}
	zeros := make([]byte, 1<<20)
	// 1 GiB of content as the header says, and two more after the end of the tar.
	for n := range 3 << 10 {
		if n == 1<<10 {
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
		}
		if n < 1<<10 {
			_, err = w.Write(zeros)
		} else {
			_, err = z.Write(zeros)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), "image")
	e := runProgram(t, func(w io.Writer) { w.Write(bomb.Bytes()) }, "-out", out, "-max-bytes", "1073741824")
	if e.Error == nil || e.Error.Code != failure.TooLarge || e.exit != 1 {
		t.Fatalf("%+v", e)
	}
	if _, err := os.Stat(out); err == nil {
		t.Error("the file is still there")
	}
	if e.took > 10*time.Second || e.peakBytes > 64<<20 {
		t.Errorf("%v, %d MiB at the most", e.took, e.peakBytes>>20)
	}
	t.Logf("%d MiB at the most, %v", e.peakBytes>>20, e.took)
}

func TestASignalLeavesNoFile(t *testing.T) {
	out := filepath.Join(t.TempDir(), "image")
	command, _ := programCommand(t, "-out", out)
	in, err := command.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	output, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	// More than the pipe and all buffers hold, so that it is at work when the write ends.
	largeLayer(&limitedWriter{in, 20 << 20}, 10, 4<<20)
	if err := command.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	said, err := io.ReadAll(output)
	if err != nil {
		t.Fatal(err)
	}
	_ = command.Wait()
	expect(t, "exit", command.ProcessState.ExitCode(), 1)
	if !strings.Contains(string(said), "ended by a signal") {
		t.Errorf("said %q", said)
	}
	if _, err := os.Stat(out); err == nil {
		t.Error("the file is still there")
	}
}

type limitedWriter struct {
	to   io.Writer
	left int
}

func (l *limitedWriter) Write(b []byte) (int, error) {
	n := min(len(b), l.left)
	l.left -= n
	if _, err := l.to.Write(b[:n]); err != nil {
		return 0, err
	}
	return len(b), nil
}

func TestWrongArgumentsAreNotALayersFault(t *testing.T) {
	command, _ := programCommand(t, "-format", "xz", "-out", filepath.Join(t.TempDir(), "image"))
	output, _ := command.CombinedOutput()
	expect(t, "exit", command.ProcessState.ExitCode(), 2)
	if !strings.Contains(string(output), "must be auto, tar, gzip or zstd") {
		t.Errorf("%s", output)
	}
}
