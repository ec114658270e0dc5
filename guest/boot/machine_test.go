package boot

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// object is JSON of which only parts matter.
type object = map[string]any

const (
	containerID = "c0ffee"
	theSecret   = "the secret of this container"
	giveUp      = 60 * time.Second
)

// machine is one container's: its disks outlive a boot, as its guestinfo does.
type machine struct {
	t         *testing.T
	kit       kit
	directory string
	spec      object
	disks     []diskFile
	volumes   object
	boots     int
	hasNIC    bool
	memoryMiB int
	iso       string // boots from this, as on ESXi: the link is a serial port

	mu   sync.Mutex
	info map[string]string
}

type diskFile struct {
	path     string
	uuid     string
	readOnly bool
}

func newMachine(t *testing.T, spec object) *machine {
	m := &machine{t: t, kit: needKit(t), directory: t.TempDir(), spec: spec, volumes: object{}, memoryMiB: 128, info: map[string]string{}}
	for _, each := range m.kit.layers {
		m.addDisk(each, true)
	}
	m.addDisk(m.newFile("scratch", 256<<20), false)
	return m
}

func (m *machine) newFile(name string, size int64) string {
	path := filepath.Join(m.directory, name+".raw")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		m.t.Fatal(err)
	}
	if err := os.Truncate(path, size); err != nil {
		m.t.Fatal(err)
	}
	return path
}

func (m *machine) addDisk(path string, readOnly bool) string {
	uuid := fmt.Sprintf("6000c29e-aaaa-bbbb-cccc-%012x", len(m.disks)+1)
	m.disks = append(m.disks, diskFile{path, uuid, readOnly})
	return uuid
}

// addVolume gives the machine a volume on a new blank disk.
func (m *machine) addVolume(name string) {
	m.volumes[name] = object{"uuid": m.addDisk(m.newFile(name, 64<<20), false), "access": "read-write"}
}

func text(value any) string {
	out, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	return string(out)
}

// configure writes what the worker writes before each start.
func (m *machine) configure() {
	spec := object{"entrypoint": []string{}, "command": []string{"true"}, "env": []string{}, "hostname": "c0ffee", "network": "none",
		"mounts": []any{}, "stopSignal": "TERM", "stopTimeoutSeconds": 10, "user": "", "workingDir": ""}
	for key, value := range m.spec {
		spec[key] = value
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.info["guestinfo.stowage.id"] = containerID
	m.info["guestinfo.stowage.secret"] = theSecret
	m.info["guestinfo.stowage.container"] = text(object{"stowage": 1, "id": containerID, "spec": spec})
	m.info["guestinfo.stowage.status"] = text(object{"called": "test", "settings": object{"memoryBytes": m.memoryMiB << 20, "nanoCpus": 0},
		"run": object{"wanted": "running", "startedAt": fmt.Sprintf("boot %d", m.boots)}})
	m.info["guestinfo.stowage.disks"] = text(object{"layers": []string{m.disks[0].uuid, m.disks[1].uuid}, "scratch": m.disks[2].uuid,
		"volumes": m.volumes, "shares": object{}})
	delete(m.info, "guestinfo.stowage.exit")
	delete(m.info, "guestinfo.stowage.failure")
}

func (m *machine) guestinfo(key string) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.info["guestinfo."+key]
}

// running is one boot.
type running struct {
	m       *machine
	process *exec.Cmd
	over    chan struct{}
	began   time.Time
	console string
}

// start boots it; gateway is an address that it dials.
func (m *machine) start(gateway string) *running {
	m.boots++
	m.configure()
	r := &running{m: m, over: make(chan struct{}), console: filepath.Join(m.directory, fmt.Sprintf("console%d", m.boots))}
	socket := filepath.Join(m.directory, "rpc.sock")
	_ = os.Remove(socket)
	host, port, _ := strings.Cut(gateway, ":")
	arguments := []string{
		"-nodefaults", "-no-user-config", "-display", "none", "-M", "q35", "-cpu", "max", "-smp", "1", "-accel", "tcg,thread=multi,tb-size=64",
		"-m", fmt.Sprint(m.memoryMiB), "-no-reboot", "-kernel", m.kit.kernel, "-initrd", m.kit.initramfs,
		"-append", "console=ttyS0 quiet loglevel=5 clocksource=acpi_pm no_timer_check mitigations=off nokaslr random.trust_cpu=on cryptomgr.notests " +
			"apparmor=0 audit=0 nowatchdog reboot=t panic=-1 init_on_alloc=0 noreplace-smp " +
			"initcall_blacklist=init_kprobe_trace,init_ima,load_system_certificate_list",
		"-chardev", "file,id=con,path=" + r.console, "-device", "isa-serial,chardev=con",
		"-device", "virtio-serial-pci",
		"-chardev", fmt.Sprintf("socket,id=link,host=%s,port=%s,reconnect=1", host, port),
		"-device", "virtserialport,chardev=link,name=stowage.link",
		"-chardev", "socket,id=rpc,path=" + socket + ",server=on,wait=off", "-device", "virtserialport,chardev=rpc,name=stowage.rpc",
		"-device", "virtio-scsi-pci,id=scsi0",
	}
	if m.iso != "" {
		arguments = m.discArguments(r.console, socket, host, port)
	}
	for at, each := range m.disks {
		mode := "off"
		if each.readOnly {
			mode = "on"
		}
		arguments = append(arguments, "-drive", fmt.Sprintf("if=none,id=d%d,file=%s,format=raw,readonly=%s", at, each.path, mode),
			"-device", fmt.Sprintf("scsi-hd,bus=scsi0.0,drive=d%d,scsi-id=%d,serial=%s", at, at, strings.ReplaceAll(each.uuid, "-", "")))
	}
	if m.hasNIC {
		arguments = append(arguments, "-netdev", "user,id=n0", "-device", "virtio-net-pci,netdev=n0")
	}
	r.process = exec.Command("qemu-system-x86_64", arguments...)
	r.process.Stderr = os.Stderr
	r.began = time.Now()
	if err := r.process.Start(); err != nil {
		m.t.Fatal(err)
	}
	go func() {
		_ = r.process.Wait()
		close(r.over)
	}()
	go m.serveHost(socket, r.over)
	m.t.Cleanup(r.kill)
	return r
}

// discArguments: everything that is known of the kernel is on the disc.
func (m *machine) discArguments(console, socket, host, port string) []string {
	return []string{
		"-nodefaults", "-no-user-config", "-display", "none", "-M", "q35", "-cpu", "max", "-accel", "tcg,thread=multi,tb-size=64",
		"-m", fmt.Sprint(m.memoryMiB), "-no-reboot", "-drive", "if=none,id=cd,media=cdrom,readonly=on,file=" + m.iso,
		"-device", "ide-cd,drive=cd,bootindex=0",
		"-chardev", fmt.Sprintf("socket,id=link,host=%s,port=%s,reconnect=1", host, port), "-device", "isa-serial,chardev=link",
		"-chardev", "file,id=con,path=" + console, "-device", "isa-serial,chardev=con", "-device", "virtio-serial-pci",
		"-chardev", "socket,id=rpc,path=" + socket + ",server=on,wait=off", "-device", "virtserialport,chardev=rpc,name=stowage.rpc",
		"-device", "virtio-scsi-pci,id=scsi0",
	}
}

// serveHost is the host's end of guestinfo.
func (m *machine) serveHost(socket string, over chan struct{}) {
	var connection net.Conn
	for connection == nil {
		select {
		case <-over:
			return
		case <-time.After(5 * time.Millisecond):
			connection, _ = net.Dial("unix", socket)
		}
	}
	defer connection.Close()
	lines := bufio.NewReader(connection)
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			return
		}
		_, _ = connection.Write([]byte(m.answer(strings.TrimSuffix(line, "\n")) + "\n"))
	}
}

func (m *machine) answer(line string) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	words := strings.SplitN(line, " ", 3)
	switch {
	case words[0] == "info-get" && len(words) == 2:
		if value, is := m.info[words[1]]; is {
			return "1 " + value
		}
		return "0 No value found"
	case words[0] == "info-set" && len(words) == 3:
		m.info[words[1]] = words[2]
		return "1 "
	}
	return "0 Unknown command"
}

// kill is a power cut.
func (r *running) kill() {
	_ = r.process.Process.Kill()
	<-r.over
}

// waitOff waits until it has powered off by itself.
func (r *running) waitOff() {
	r.m.t.Helper()
	select {
	case <-r.over:
	case <-time.After(giveUp):
		r.m.t.Fatalf("it does not power off; console:\n%s", r.said())
	}
}

func (r *running) said() string {
	content, _ := os.ReadFile(r.console)
	return string(content)
}
