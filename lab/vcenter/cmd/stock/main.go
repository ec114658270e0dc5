// Command stock serves the unmodified simulator: the second target of the
// contract tests.
package main

import (
	"encoding/json"
	"flag"
	"log"
	"net/url"
	"os"
	"os/signal"
	"syscall"

	"github.com/vmware/govmomi/simulator"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:0", "address to listen on")
	flag.Parse()
	model := simulator.VPX()
	if err := model.Create(); err != nil {
		log.Fatal(err)
	}
	model.Service.Listen = &url.URL{Host: *listen}
	server := model.Service.NewServer()
	_ = json.NewEncoder(os.Stdout).Encode(map[string]any{
		"ready": true, "url": "http://" + server.URL.Host + "/sdk", "lab": "", "pid": os.Getpid(),
	})
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM, syscall.SIGINT)
	<-stop
	server.Close()
	model.Remove()
}
