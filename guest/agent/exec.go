package main

import (
	"errors"
	"io"
	"os"
	"sync"

	"stowage/guest/internal/contain"
	"stowage/guest/internal/spec"
	"stowage/guest/link"
)

type execRequest struct {
	ID         string   `json:"id"`
	Argv       []string `json:"argv"`
	Env        []string `json:"env"`
	User       string   `json:"user"`
	WorkingDir string   `json:"workingDir"`
	TTY        bool     `json:"tty"`
	Stdin      bool     `json:"stdin"`
	Privileged bool     `json:"privileged"`
	Rows       uint16   `json:"rows"`
	Cols       uint16   `json:"cols"`
}

// exec runs a process beside the container's, on a stream.
func (b *container) exec(stream *link.Stream, request execRequest) {
	out := &pieces{stream: stream}
	defer func() { _ = stream.CloseWrite() }()
	started, pipes, err := b.startExec(request)
	if err != nil {
		failure := &spec.Failure{}
		if errors.As(err, &failure) && failure.Code > 125 {
			out.putJSON(pieceLast, map[string]any{"exitCode": failure.Code, "error": refusal{"invalid", failure.Message}})
			return
		}
		out.putJSON(pieceLast, map[string]any{"error": refusalOf(err)})
		return
	}
	b.register(request.ID, started)
	defer b.register(request.ID, nil)
	out.putJSON(pieceOnWay, map[string]int{"pid": started.PID})

	stdin, readers := connectExec(out, started, pipes)
	go func() {
		if stdin == nil {
			_, _ = io.Copy(io.Discard, stream)
			return
		}
		if _, err := io.Copy(stdin, stream); err == nil {
			stdin.close()
		}
		_, _ = io.Copy(io.Discard, stream)
	}()
	<-started.Done
	readers.Wait()
	out.putJSON(pieceLast, map[string]int{"exitCode": started.Code})
}

func (b *container) startExec(request execRequest) (*contain.Started, *pipes, error) {
	b.mu.Lock()
	running := b.running
	b.mu.Unlock()
	if running == nil {
		return nil, nil, conflict("the container is not running")
	}
	if len(request.Argv) == 0 {
		return nil, nil, invalid("no command specified")
	}
	host := b.spec.Engine.HostConfig
	privileged := host.Privileged || request.Privileged
	order := contain.Order{
		Join: running.PID, Argv: request.Argv, Env: b.environment(request.TTY || b.spec.TTY, b.spec.Env, request.Env),
		User: request.User, Groups: host.GroupAdd, WorkingDir: request.WorkingDir, TTY: request.TTY, Rows: request.Rows, Cols: request.Cols,
		Capabilities: contain.Capabilities(privileged, host.CapAdd, host.CapDrop), NoNewPrivs: b.noNewPrivs(), Ulimits: host.Ulimits,
	}
	if order.User == "" {
		order.User = b.spec.User
	}
	if order.WorkingDir == "" {
		order.WorkingDir = b.spec.WorkingDir
	}
	files, err := openPipes(request.TTY, request.Stdin)
	if err != nil {
		return nil, nil, err
	}
	started, err := contain.Start(order, files.theirs, int(b.group.Fd()))
	files.closeTheirs()
	if err != nil {
		files.closeOurs()
	}
	return started, files, err
}

// connectExec carries its output until all who have it have closed it.
func connectExec(out *pieces, started *contain.Started, files *pipes) (*input, *sync.WaitGroup) {
	readers := &sync.WaitGroup{}
	carry := func(kind byte, from *os.File) {
		readers.Go(func() {
			defer from.Close()
			if _, err := io.Copy(out.as(kind), from); err != nil {
				// The stream broke: the process runs on, and must not wait for a reader.
				_, _ = io.Copy(io.Discard, from)
			}
		})
	}
	if started.Terminal != nil {
		carry(pieceData, started.Terminal)
		return newInput(started.Terminal, true), readers
	}
	carry(pieceData, files.stdout)
	carry(pieceStderr, files.stderr)
	if files.stdin == nil {
		return nil, readers
	}
	return newInput(files.stdin, false), readers
}

func (b *container) register(id string, started *contain.Started) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if started == nil {
		delete(b.execs, id)
	} else {
		b.execs[id] = started
	}
}
