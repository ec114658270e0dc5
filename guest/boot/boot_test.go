package boot

import (
	"strings"
	"testing"
	"time"
)

func TestOutputAndExitCode(t *testing.T) {
	t.Parallel()
	m := newMachine(t, object{"command": []string{"sh", "-c", "echo hello; echo wrong >&2; cat /etc/above; ls /etc/gone; hostname; id; exit 7"}})
	g := newGateway(t)
	r := m.start(g.address())
	g.untilOutput("hello")
	t.Logf("first output after %v", time.Since(r.began).Round(time.Millisecond))
	exited := g.untilState("exited")
	r.waitOff()
	t.Logf("off after %v", time.Since(r.began).Round(time.Millisecond))
	if exited["exitCode"] != 7.0 || exited["startedAt"] != "boot 1" || m.guestinfo("stowage.exit") != "7" {
		t.Fatalf("%v, exit %q", exited, m.guestinfo("stowage.exit"))
	}
	if got := g.stdout(); got != "hello\nof the layer above\nc0ffee\nuid=0(root) gid=0(root) groups=0(root)\n" {
		t.Fatalf("stdout %q", got)
	}
	if got := string(g.output[2]); !strings.HasPrefix(got, "wrong\n") || !strings.Contains(got, "/etc/gone") {
		t.Fatalf("stderr %q", got)
	}
}
