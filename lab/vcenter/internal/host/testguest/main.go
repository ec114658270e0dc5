// Command testguest is the /init of the machines that the tests boot: it loads the drivers it finds, answers on TCP port 8080 and does what
// guestinfo.test says: it tells what disks it sees in guestinfo.seen, and halts at "halt".
package main

import (
	"bufio"
	"debug/elf"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"syscall"
	"time"
	"unsafe"
)

func main() {
	for _, m := range [][2]string{{"proc", "/proc"}, {"sysfs", "/sys"}, {"devtmpfs", "/dev"}} {
		_ = os.MkdirAll(m[1], 0o755)
		_ = syscall.Mount(m[0], m[1], m[0], 0, "")
	}
	d := drivers()
	for _, name := range []string{"virtio_pci", "virtio_console", "virtio_scsi", "vmw_pvscsi", "sd_mod", "vmxnet3"} {
		d.load(name)
	}
	go serve()
	port := openPort("stowage.rpc")
	lines := bufio.NewReader(port)
	ask := func(command string) string {
		fmt.Fprintln(port, command)
		line, _ := lines.ReadString('\n')
		return strings.TrimSuffix(line, "\n")
	}
	ask("info-set guestinfo.ip 10.0.2.15")
	mounted := false
	for told := ""; ; time.Sleep(50 * time.Millisecond) {
		if ask("info-get guestinfo.test") == "1 halt" {
			_ = syscall.Reboot(syscall.LINUX_REBOOT_CMD_POWER_OFF)
		}
		if share, ok := strings.CutPrefix(ask("info-get guestinfo.share"), "1 "); ok && !mounted {
			mounted = true
			ask("info-set guestinfo.mounted " + useShare(d, share))
		}
		if seen := disks(); seen != told {
			ask("info-set guestinfo.seen " + seen)
			told = seen
		}
	}
}

// useShare mounts port:/path of 10.0.2.2 and writes a file there; it says ok or why not.
func useShare(d modules, share string) string {
	d.load("nfs")
	d.load("nfsv4")
	port, path, _ := strings.Cut(share, ":")
	_ = os.MkdirAll("/mnt", 0o755)
	err := syscall.Mount("10.0.2.2:"+path, "/mnt", "nfs4", 0, "vers=4.1,addr=10.0.2.2,clientaddr=10.0.2.15,port="+port)
	if err == nil {
		err = os.WriteFile("/mnt/from-guest", []byte("hello"), 0o644)
	}
	if err != nil {
		return err.Error()
	}
	return "ok"
}

// disks names every disk by its serial number, with ro or rw.
func disks() string {
	out := []string{"disks"}
	pages, _ := filepath.Glob("/sys/bus/scsi/devices/*/vpd_pg80")
	for _, page := range pages {
		text, err := os.ReadFile(page)
		names, _ := filepath.Glob(filepath.Dir(page) + "/block/*/ro")
		if err != nil || len(text) < 5 || len(names) == 0 {
			continue
		}
		mode := "rw"
		if ro, _ := os.ReadFile(names[0]); strings.TrimSpace(string(ro)) == "1" {
			mode = "ro"
		}
		out = append(out, strings.TrimSpace(string(text[4:]))+":"+mode)
	}
	sort.Strings(out[1:])
	return strings.Join(out, " ")
}

// serve answers with hello on TCP.
func serve() {
	address("lo", [4]byte{127, 0, 0, 1})
	address("eth0", [4]byte{10, 0, 2, 15})
	l, err := net.Listen("tcp4", ":8080")
	for err == nil {
		var c net.Conn
		if c, err = l.Accept(); err == nil {
			_, _ = c.Write([]byte("hello"))
			_ = c.Close()
		}
	}
	fmt.Println("serve:", err)
}

func address(name string, ip [4]byte) {
	fd, _ := syscall.Socket(syscall.AF_INET, syscall.SOCK_DGRAM, 0)
	defer syscall.Close(fd)
	var req [40]byte
	set := func(op uintptr, fill func([]byte)) {
		copy(req[:16], name+"\x00")
		clear(req[16:])
		fill(req[16:])
		_, _, _ = syscall.Syscall(syscall.SYS_IOCTL, uintptr(fd), op, uintptr(unsafe.Pointer(&req)))
	}
	inet := func(a [4]byte) func([]byte) {
		return func(b []byte) { b[0] = syscall.AF_INET; copy(b[4:], a[:]) }
	}
	set(syscall.SIOCSIFADDR, inet(ip))
	set(syscall.SIOCSIFNETMASK, inet([4]byte{255, 255, 255, 0}))
	set(syscall.SIOCSIFFLAGS, func(b []byte) { b[0] = syscall.IFF_UP })
}

// openPort waits for a virtio-serial port of this name.
func openPort(name string) *os.File {
	for ; ; time.Sleep(5 * time.Millisecond) {
		all, _ := filepath.Glob("/sys/class/virtio-ports/*/name")
		for _, p := range all {
			if text, _ := os.ReadFile(p); strings.TrimSpace(string(text)) == name {
				if f, err := os.OpenFile("/dev/"+filepath.Base(filepath.Dir(p)), os.O_RDWR, 0); err == nil {
					return f
				}
			}
		}
	}
}

// modules are the files of kernel modules by name; those that are loaded have an empty one.
type modules map[string]string

func drivers() modules {
	out := modules{}
	_ = filepath.WalkDir("/", func(path string, e fs.DirEntry, err error) error {
		if err == nil && e.IsDir() && (path == "/proc" || path == "/sys" || path == "/dev") {
			return fs.SkipDir
		}
		if base, ok := strings.CutSuffix(filepath.Base(path), ".ko"); ok {
			out[strings.ReplaceAll(base, "-", "_")] = path
		}
		return nil
	})
	return out
}

func (m modules) load(name string) {
	path := m[name]
	m[name] = ""
	if path == "" {
		return
	}
	image, err := os.Open(path)
	if err != nil {
		return
	}
	defer image.Close()
	if file, err := elf.NewFile(image); err == nil {
		info, _ := file.Section(".modinfo").Data()
		for _, field := range strings.Split(string(info), "\x00") {
			if list, ok := strings.CutPrefix(field, "depends="); ok {
				for _, need := range strings.Split(list, ",") {
					m.load(need)
				}
			}
		}
	}
	none, _ := syscall.BytePtrFromString("")
	const finitModule = 313
	if _, _, e := syscall.Syscall(finitModule, image.Fd(), uintptr(unsafe.Pointer(none)), 0); e != 0 {
		fmt.Println("module", name, e)
	}
}
