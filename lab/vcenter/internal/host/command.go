package host

import (
	"encoding/json"
	"fmt"
	"net"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
)

// properties of a QEMU object: the same on the command line and in QMP.
type properties map[string]any

func (p properties) String() string {
	text, _ := json.Marshal(p)
	return string(text)
}

// Numbers of the files that a QEMU inherits.
const (
	monitorFD = 3 + iota
	rpcFD
	consoleFD
)

// What the tuned command line saves is in reference/guest.md: about 0.6 s of 3.6. The TSC is not to be trusted under TCG: a guest under
// load ran three times as fast.
const (
	kernelOptions = "console=ttyS0 quiet loglevel=1 mitigations=off nokaslr random.trust_cpu=on cryptomgr.notests apparmor=0 audit=0 " +
		"nowatchdog reboot=t panic=-1 init_on_alloc=0 initcall_blacklist=init_kprobe_trace,init_ima,load_system_certificate_list"
	// TCG does "rep movsb" and "rep stosb" a byte at a time: without these two flags Linux copies and clears words, four times as fast.
	tcgCPU     = "max,erms=off,fsrm=off"
	tcgOptions = " clocksource=acpi_pm no_timer_check noreplace-smp lpj=5192260"
)

// arguments is QEMU's command line. The BIOS is QEMU's default: qboot hangs before Debian's kernel, depending on the devices.
func (c *Config) arguments(s *Spec) []string {
	options, accelerator, cpu := kernelOptions+tcgOptions, "tcg,thread=multi,tb-size=64", tcgCPU
	if c.accelerator == "kvm" {
		options, accelerator, cpu = kernelOptions, "kvm", "max"
	}
	out := []string{
		"-nodefaults", "-no-user-config", "-display", "none", "-name", "guest=" + strings.ReplaceAll(s.Name, ",", ",,"),
		"-M", "q35,vmport=off", "-cpu", cpu, "-smp", strconv.Itoa(min(max(s.CPUs, 1), runtime.NumCPU())),
		"-accel", accelerator, "-m", strconv.Itoa(s.MemoryMiB), "-no-reboot",
		"-kernel", c.kernel(), "-initrd", c.initramfs(), "-append", options,
		"-chardev", inherited("monitor", monitorFD), "-mon", "chardev=monitor,mode=control",
		"-chardev", inherited("console", consoleFD), "-device", "isa-serial,chardev=console",
		"-device", "virtio-serial-pci,max_ports=4",
		"-chardev", inherited("rpc", rpcFD), "-device", "virtserialport,chardev=rpc,name=stowage.rpc,id=" + rpcPort,
	}
	if host, port, err := net.SplitHostPort(s.Link); err == nil {
		out = append(out, "-chardev", fmt.Sprintf("socket,id=link,host=%s,port=%s,reconnect=1,nodelay=on", host, port),
			"-device", "virtserialport,chardev=link,name=stowage.link,id="+linkPort)
	}
	out = append(out, c.network(s)...)
	present := map[int]bool{}
	for _, bus := range s.Controllers {
		present[bus] = true
		out = append(out, "-device", c.controller(bus).String())
	}
	for bus := range maxControllers {
		if !present[bus] { // where a controller that is added later goes
			out = append(out, "-device", properties{"driver": "pcie-root-port", "id": slotName(bus), "chassis": bus + 1}.String())
		}
	}
	for _, d := range s.Disks {
		out = append(out, "-blockdev", d.node().String(), "-device", d.device().String())
	}
	return out
}

const (
	maxControllers = 4
	rpcPort        = "rpc-port"
	linkPort       = "link-port"
)

func inherited(id string, fd int) string { return fmt.Sprintf("socket,id=%s,fd=%d", id, fd) }

// network gives each card a network of its own; 10.0.2.2 is the host. vmxnet3 is what ESXi has, and boots no slower than virtio-net.
func (c *Config) network(s *Spec) []string {
	var out []string
	for i, mac := range s.MACs {
		id := fmt.Sprintf("net%d", i)
		user := "user,id=" + id
		if i == 0 {
			for _, p := range s.Ports {
				user += fmt.Sprintf(",hostfwd=%s:%s:%d-:%d", p.Protocol, p.HostIP, p.HostPort, p.ContainerPort)
			}
		}
		out = append(out, "-netdev", user, "-device",
			properties{"driver": "vmxnet3", "netdev": id, "mac": mac, "romfile": ""}.String())
	}
	return out
}

func slotName(bus int) string { return fmt.Sprintf("slot%d", bus) }

func (c *Config) controller(bus int) properties {
	driver := "virtio-scsi-pci"
	if c.SCSI == "pvscsi" {
		driver = "pvscsi"
	}
	return properties{"driver": driver, "id": fmt.Sprintf("scsi%d", bus)}
}

func (d *Disk) nodeName() string   { return fmt.Sprintf("disk-%d", d.Key) }
func (d *Disk) deviceName() string { return fmt.Sprintf("scsi-disk-%d", d.Key) }

// node opens the extent itself and not the descriptor: the descriptor is vCenter's, which replaces it when it moves or extends the disk,
// while QEMU's VMDK driver would write its own idea of it back. QEMU's locks are on the extent either way.
func (d *Disk) node() properties {
	return properties{
		"driver": "raw", "node-name": d.nodeName(), "read-only": d.Access == ReadOnly, "discard": "unmap",
		"file": properties{"driver": "file", "filename": filepath.Clean(d.File), "locking": "on"},
	}
}

func (d *Disk) device() properties {
	return properties{
		"driver": "scsi-hd", "id": d.deviceName(), "drive": d.nodeName(), "bus": fmt.Sprintf("scsi%d.0", d.Bus), "scsi-id": d.Unit,
		"serial": d.Serial, "share-rw": d.Access == Shared,
	}
}
