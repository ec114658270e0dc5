package boot

import (
	"crypto/sha256"
	"encoding/hex"
	"net"
	"strings"
	"testing"
	"time"
)

// 16 MB, while the line is cut again and again and then another gateway takes over: nothing is missing, nothing comes twice.
func TestOutputIsWhole(t *testing.T) {
	t.Parallel()
	m := newMachine(t, object{"command": []string{"sh", "-c", "head -c 16777216 /dev/urandom > /tmp/f; sha256sum /tmp/f >&2; cat /tmp/f"}})
	g := newGateway(t)
	r := m.start(g.address())
	for at := range uint64(5) {
		g.until("output", func() bool { return g.taken > at*2<<20 })
		if at == 3 {
			g.replace()
		} else {
			g.cut()
		}
	}
	g.untilState("exited")
	r.waitOff()
	sum := sha256.Sum256(g.output[1])
	if len(g.output[1]) != 16<<20 || !strings.HasPrefix(string(g.output[2]), hex.EncodeToString(sum[:])) {
		t.Fatalf("%d bytes, %x, but %s", len(g.output[1]), sum, g.output[2])
	}
	t.Logf("%d records came twice", g.doubles)
}

// A container starts and writes while no gateway is there; the one that comes gets all of it.
func TestOutputWaitsForAGateway(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	_ = listener.Close()
	m := newMachine(t, object{"command": []string{"sh", "-c", "seq 1 30000; exit 3"}})
	r := m.start(address)
	// More than the guest may send of itself is written by then.
	time.Sleep(5 * time.Second)
	g := newGatewayAt(t, address)
	exited := g.untilState("exited")
	r.waitOff()
	if exited["exitCode"] != 3.0 || !strings.HasPrefix(g.stdout(), "1\n2\n") || !strings.HasSuffix(g.stdout(), "\n30000\n") {
		t.Fatalf("%v, %d bytes", exited, len(g.output[1]))
	}
}

func TestAContainerThatRunsOutOfMemory(t *testing.T) {
	t.Parallel()
	m := newMachine(t, object{"command": []string{"sh", "-c", "tail /dev/zero"}})
	g := newGateway(t)
	r := m.start(g.address())
	exited := g.untilState("exited")
	r.waitOff()
	if exited["oomKilled"] != true || exited["exitCode"] != 137.0 {
		t.Fatal(exited)
	}
}
