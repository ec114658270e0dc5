package boot

import (
	"path/filepath"
	"testing"
	"time"
)

// As on ESXi: a BIOS, isolinux, and the first serial port, a 16550, as the link.
func TestTheDiscBootsAndTalksOverASerialPort(t *testing.T) {
	t.Parallel()
	needKit(t)
	out := filepath.Join(cacheDirectory(), "iso")
	if _, err := run("", nil, "sh", "../build", out, filepath.Join(cacheDirectory(), "guest-packages"), "--iso"); err != nil {
		t.Fatal(err)
	}
	m := newMachine(t, object{"command": []string{"sh", "-c", "seq 1 2000; exit 6"}})
	m.iso, m.memoryMiB = filepath.Join(out, "stowage-guest.iso"), 256
	g := newGateway(t)
	r := m.start(g.address())
	g.untilOutput("\n2000\n")
	t.Logf("output after %v", time.Since(r.began).Round(time.Millisecond))
	if exited := g.untilState("exited"); exited["exitCode"] != 6.0 {
		t.Fatal(exited)
	}
	r.waitOff()
}
