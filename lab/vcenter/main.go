// Command vcenter is the lab's vCenter: see README.md.
package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"flag"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"stowage/lab/vcenter/internal/lab"
)

type settings struct {
	lab.Options
	listen string
	tls    bool
}

func env(name, fallback string) string {
	if v := os.Getenv(name); v != "" {
		return v
	}
	return fallback
}

func parse() settings {
	var s settings
	flag.StringVar(&s.listen, "listen", "127.0.0.1:0", "address to listen on")
	flag.BoolVar(&s.tls, "tls", false, "serve HTTPS with a self-signed certificate kept in -dir")
	flag.StringVar(&s.Dir, "dir", "", "state and datastore files; without it a temporary directory, removed at exit")
	flag.StringVar(&s.User, "user", env("LAB_VCENTER_USER", "administrator@vsphere.local"), "login name (LAB_VCENTER_USER)")
	flag.StringVar(&s.Password, "password", env("LAB_VCENTER_PASSWORD", "lab"), "password (LAB_VCENTER_PASSWORD)")
	flag.IntVar(&s.Hosts, "hosts", 3, "ESXi hosts")
	flag.IntVar(&s.VMs, "vms", 4, "idle VMs of a fresh lab; the first two are powered on")
	flag.BoolVar(&s.HA, "ha", true, "vSphere HA of a fresh lab")
	flag.BoolVar(&s.Lenient, "lenient", false, "accept requests that break the schema (order, unknown or missing elements), as the stock simulator does")
	flag.StringVar(&s.Guests.Guest, "guest", "", "directory with vmlinux and initramfs: VMs with a serial port that dials out run in QEMU")
	flag.StringVar(&s.Guests.QEMU, "qemu", "qemu-system-x86_64", "QEMU")
	flag.IntVar(&s.Guests.Boots, "boots", 0, "guests that boot at once; 0: one a processor")
	flag.IntVar(&s.Guests.MemoryMiB, "guest-memory-mib", 0, "memory of all guests together; 0: three quarters of the machine's")
	flag.StringVar(&s.Guests.SCSI, "scsi", "virtio", "SCSI controllers of the guests: virtio or pvscsi")
	flag.IntVar(&s.NFSPort, "nfs-port", 0, "port of 127.0.0.1 where guests can mount the NFS datastore (nfs-ganesha, as root); 0: nowhere")
	flag.Parse()
	return s
}

func main() {
	log.SetFlags(log.Ltime | log.Lmicroseconds)
	log.SetPrefix("lab-vcenter: ")
	if err := run(parse()); err != nil {
		log.Fatal(err)
	}
}

type ready struct {
	Ready      bool   `json:"ready"`
	URL        string `json:"url"`
	Lab        string `json:"lab"`
	PID        int    `json:"pid"`
	Thumbprint string `json:"thumbprint,omitempty"`
}

func run(s settings) error {
	if s.Dir == "" {
		dir, err := os.MkdirTemp("", "lab-vcenter-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		s.Dir = dir
	}
	stop, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer cancel()

	l, err := lab.New(s.Options)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", s.listen)
	if err != nil {
		return errors.Join(err, l.Close())
	}
	base := "http://" + listener.Addr().String()
	line := ready{Ready: true, PID: os.Getpid()}
	if s.tls {
		cert, thumbprint, err := certificate(s.Dir, listener.Addr())
		if err != nil {
			return err
		}
		listener = tls.NewListener(listener, &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12})
		base, line.Thumbprint = "https://"+listener.Addr().String(), thumbprint
	}
	line.URL, line.Lab = base+"/sdk", base+"/lab/"

	server := &http.Server{Handler: l.Handler(), ReadHeaderTimeout: 30 * time.Second, ErrorLog: log.Default()}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	if err := json.NewEncoder(os.Stdout).Encode(line); err != nil {
		return err
	}
	select {
	case err = <-failed:
	case <-stop.Done():
	}
	err = errors.Join(err, l.Close())
	grace, done := context.WithTimeout(context.Background(), time.Second)
	defer done()
	_ = server.Shutdown(grace)
	_ = server.Close()
	return err
}
