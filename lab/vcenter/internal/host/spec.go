package host

import "path/filepath"

// Spec is a machine as it is at the time it is started.
type Spec struct {
	Name, Moid  string // Moid names its directory of logs
	CPUs        int
	MemoryMiB   int
	Controllers []int // SCSI bus numbers, 0 to 3
	Disks       []Disk
	MACs        []string // of its network cards; published ports go to the first
	Ports       []Port
	Link        string // host:port of the gateway
}

// Access is how a disk is opened.
type Access int

const (
	ReadWrite Access = iota // alone
	ReadOnly                // beside other readers
	Shared                  // beside other writers
)

// Disk is a flat extent on a SCSI controller.
type Disk struct {
	Key       int32 // names it: a disk keeps its key for as long as it is attached
	File      string
	Serial    string // what the guest knows it by
	Bus, Unit int
	Access    Access
}

// Owner is asked and told about a guest, from the guest's own goroutines. A guest that was killed by Kill tells nothing any more.
type Owner interface {
	// Info answers info-get.
	Info(key string) (value string, ok bool)
	// SetInfo carries out info-set.
	SetInfo(key, value string) error
	// Changed is called after Phase or IsAlive of the guest may have changed.
	Changed()
	// Ended is called once when the guest's process ended by itself, after its files were closed; why is for people.
	Ended(why string)
}

// Config says how machines are run.
type Config struct {
	QEMU        string // program
	Guest       string // directory with vmlinux and initramfs
	Dir         string // for logs
	Boots       int    // at once
	MemoryMiB   int    // of all machines together
	SCSI        string // virtio or pvscsi
	accelerator string
}

func (c *Config) kernel() string    { return filepath.Join(c.Guest, "vmlinux") }
func (c *Config) initramfs() string { return filepath.Join(c.Guest, "initramfs") }
