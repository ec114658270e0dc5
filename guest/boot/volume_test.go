package boot

import (
	"bytes"
	"os"
	"strings"
	"testing"
	"time"
)

func mountOf(volume, destination, access string) object {
	return object{"volume": volume, "destination": destination, "access": access}
}

// Three boots: a new volume is filled from the image, written, cut off in the middle of it, and read again.
func TestAVolumeOutlivesAPowerCut(t *testing.T) {
	t.Parallel()
	m := newMachine(t, nil)
	m.addVolume("data")
	m.addVolume("inner")
	m.spec = object{
		"mounts":  []any{mountOf("inner", "/data/deep/inner", "read-write"), mountOf("data", "/data", "read-write")},
		"command": []string{"sh", "-c", "stat -c '%a %u %g' /data; stat -c '%n %a %u %h' /data/seed; readlink /data/link; ls /data/lost+found; echo kept > /data/kept; echo i > /data/deep/inner/i"},
	}
	g := newGateway(t)
	r := m.start(g.address())
	g.untilState("exited")
	r.waitOff()
	if got := g.stdout(); got != "750 1000 50\n/data/seed 640 1000 2\nseed\n" {
		t.Fatalf("%q %q", got, g.output[2])
	}

	m.spec["command"] = []string{"sh", "-c", "cat /data/kept /data/deep/inner/i; echo x > /root/mine; n=0; while :; do n=$((n+1)); echo $n > /data/f$n; sync; echo synced $n; done"}
	g = newGateway(t)
	r = m.start(g.address())
	g.untilOutput("synced 20\n")
	r.kill()
	if got := g.stdout(); !strings.HasPrefix(got, "kept\ni\nsynced 1\n") {
		t.Fatalf("%q", got)
	}

	m.spec["mounts"] = []any{mountOf("data", "/data", "read-only"), mountOf("inner", "/elsewhere", "read-write")}
	m.spec["command"] = []string{"sh", "-c", "cat /data/f20 /root/mine; echo x > /data/no || echo refused; echo y > /elsewhere/y && echo taken"}
	g = newGateway(t)
	r = m.start(g.address())
	g.untilState("exited")
	r.waitOff()
	if got := g.stdout(); got != "20\nx\nrefused\ntaken\n" {
		t.Fatalf("%q %q", got, g.output[2])
	}
}

// What is no file system of ours is somebody's.
func TestAForeignDiskIsLeftAsItIs(t *testing.T) {
	t.Parallel()
	m := newMachine(t, nil)
	m.addVolume("foreign")
	path := m.disks[len(m.disks)-1].path
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	copy(content[12<<20:], "somebody's")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	m.spec = object{"mounts": []any{mountOf("foreign", "/f", "read-write")}}
	r := m.start(newGateway(t).address())
	r.waitOff()
	if after, _ := os.ReadFile(path); !bytes.Equal(after, content) {
		t.Fatal("it was written")
	}
	if failure := m.guestinfo("stowage.failure"); !strings.Contains(failure, "left as it is") || m.guestinfo("stowage.exit") != "125" {
		t.Fatal(failure)
	}
}

func TestAnAddressByDHCP(t *testing.T) {
	t.Parallel()
	m := newMachine(t, object{"network": "bridge", "domainname": "lab", "command": []string{"sh", "-c", "cat /etc/hosts /etc/resolv.conf; ip route; echo -n | nc -w 1 10.0.2.2 1 2>&1"}})
	m.hasNIC = true
	g := newGateway(t)
	r := m.start(g.address())
	g.untilOutput("refused")
	t.Logf("output after %v", time.Since(r.began).Round(time.Millisecond))
	r.waitOff()
	for _, want := range []string{"10.0.2.15\tc0ffee.lab c0ffee\n", "nameserver 10.0.2.3\n", "default via 10.0.2.2 dev eth0"} {
		if !strings.Contains(g.stdout(), want) {
			t.Errorf("no %q in %q", want, g.stdout())
		}
	}
	if m.guestinfo("ip") != "10.0.2.15" {
		t.Errorf("guestinfo.ip is %q", m.guestinfo("ip"))
	}
}
