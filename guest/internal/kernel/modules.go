// Package kernel readies what the initial file system does not: pseudo file systems, modules, the power switch.
package kernel

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
)

// Modules loads kernel modules out of the initramfs. Each costs tens of milliseconds, so only what is called for is.
type Modules struct {
	mu     sync.Mutex
	orders map[string][]string
	loaded map[string]bool
}

// NewModules reads modules/order, which guest/image writes.
func NewModules() *Modules {
	m := &Modules{orders: map[string][]string{}, loaded: map[string]bool{}}
	text, _ := os.ReadFile("/modules/order") // a kernel with all built in has none
	for line := range strings.SplitSeq(string(text), "\n") {
		if names := strings.Fields(line); len(names) > 0 {
			m.orders[names[len(names)-1]] = names
		}
	}
	return m
}

// Load loads modules and what they need. One that is not in the initramfs is taken for built in.
func (m *Modules) Load(names ...string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, name := range names {
		for _, each := range m.orders[name] {
			if m.loaded[each] {
				continue
			}
			if err := insert("/modules/" + each + ".ko"); err != nil {
				return fmt.Errorf("module %s: %w", each, err)
			}
			m.loaded[each] = true
		}
	}
	return nil
}

const sysFinitModule = 313

func insert(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	none := [1]byte{}
	_, _, errno := syscall.Syscall(sysFinitModule, file.Fd(), addressOf(&none[0]), 0)
	if errno != 0 && errno != syscall.EEXIST {
		return errno
	}
	return nil
}

// Hardware are the modules that each device calls for, by vendor and device of PCI.
var hardware = map[string][]string{
	"0x1af4:0x1003": {"virtio_pci", "virtio_console"},
	"0x1af4:0x1043": {"virtio_pci", "virtio_console"},
	"0x1af4:0x1004": {"virtio_pci", "virtio_scsi", "sd_mod"},
	"0x1af4:0x1048": {"virtio_pci", "virtio_scsi", "sd_mod"},
	"0x1af4:0x1000": {"virtio_pci", "virtio_net"},
	"0x1af4:0x1041": {"virtio_pci", "virtio_net"},
	"0x15ad:0x07c0": {"vmw_pvscsi", "sd_mod"},
	"0x15ad:0x07b0": {"vmxnet3"},
}

// Kind is what devices are for.
type Kind string

// Kinds of devices.
const (
	Ports    Kind = "ports"
	Storage  Kind = "storage"
	Networks Kind = "networks"
)

func kindOf(modules []string) Kind {
	for _, each := range modules {
		switch each {
		case "virtio_console":
			return Ports
		case "sd_mod":
			return Storage
		}
	}
	return Networks
}

// LoadFor loads the modules of the devices of one kind that are there.
func (m *Modules) LoadFor(kind Kind) error {
	devices, _ := filepath.Glob("/sys/bus/pci/devices/*")
	var failures []error
	for _, each := range devices {
		vendor, _ := os.ReadFile(each + "/vendor")
		device, _ := os.ReadFile(each + "/device")
		modules := hardware[strings.TrimSpace(string(vendor))+":"+strings.TrimSpace(string(device))]
		if modules != nil && kindOf(modules) == kind {
			failures = append(failures, m.Load(modules...))
		}
	}
	return errors.Join(failures...)
}

// HasPorts says whether there is a device with virtio-serial ports.
func HasPorts() bool {
	drivers, _ := filepath.Glob("/sys/bus/virtio/drivers/virtio_console/virtio*")
	return len(drivers) > 0
}
