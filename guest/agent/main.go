// Command agent is process 1 of a container's machine: it puts the container's file system together, runs its process, and talks to the gateway.
package main

import (
	"log"
	"os"

	"stowage/guest/internal/contain"
	"stowage/guest/internal/kernel"
	"stowage/guest/internal/tarstream"
)

func main() {
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case contain.Word:
			contain.Main()
			return
		case tarstream.Word:
			tarstream.Main(os.Args[2:])
			return
		}
	}
	if os.Getpid() != 1 {
		log.Fatal("agent: it is process 1 of a container's machine, and nothing else")
	}
	runMachine()
	kernel.PowerOff()
	select {} // process 1 must not end: the kernel panics
}
