// Command layerdisk turns one image layer blob into a read-only ext4 image: see README.md.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"stowage/registry/layerdisk/internal/blob"
	"stowage/registry/layerdisk/internal/failure"
	"stowage/registry/layerdisk/internal/spool"
)

const defaultMaxBytes = 1 << 40

type settings struct {
	out      string
	maxBytes int64
	format   blob.Format
	follow   bool
}

func parse() (settings, error) {
	var s settings
	var format string
	flag.StringVar(&s.out, "out", "", "the image's file; removed again when there is no image")
	flag.Int64Var(&s.maxBytes, "max-bytes", defaultMaxBytes, "of the tar, and of the content")
	flag.StringVar(&format, "format", string(blob.Auto), "auto, tar, gzip or zstd")
	flag.BoolVar(&s.follow, "follow", false, "stdin tells where the blob's parts are, as they arrive")
	flag.Parse()
	if flag.NArg() > 0 || s.out == "" || s.maxBytes <= 0 {
		return s, fmt.Errorf("usage: layerdisk -out FILE [-max-bytes N] [-format auto|tar|gzip|zstd] [-follow] < blob")
	}
	var err error
	s.format, err = blob.ParseFormat(format)
	return s, err
}

func main() { os.Exit(program()) }

func program() int {
	s, err := parse()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	if s.follow {
		return run(s, spool.Follow(os.Stdin), os.Stdout)
	}
	return run(s, os.Stdin, os.Stdout)
}

// run gives the exit code. The first to end it says the one line: the conversion, or a signal.
func run(s settings, in io.Reader, out io.Writer) int {
	// A name that cannot be opened is not this program's to remove.
	file, opened := os.Create(s.out)
	var once sync.Once
	code := make(chan int, 1)
	end := func(answer any, exit int) {
		once.Do(func() {
			if err := json.NewEncoder(out).Encode(answer); err != nil {
				exit = 1
			}
			if exit != 0 && opened == nil {
				os.Remove(s.out)
			}
			code <- exit
		})
	}
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	go func() {
		name := <-signals
		end(failed{failure.New(failure.Internal, "ended by a signal (%s)", name)}, 1)
	}()
	go func() {
		if opened != nil {
			end(failed{failure.New(failure.DiskFailed, "%w", opened)}, 1)
			return
		}
		answer, err := convert(s, in, file)
		if err != nil {
			end(failed{failure.Of(err)}, 1)
			return
		}
		end(answer, 0)
	}()
	return <-code
}

type failed struct {
	Error *failure.Error `json:"error"`
}
