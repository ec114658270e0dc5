package boot

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
)

func TestWhatCannotBeStarted(t *testing.T) {
	t.Parallel()
	m := newMachine(t, nil)
	for _, each := range []struct {
		spec    object
		code    string
		message string
	}{
		{object{"command": []string{"nowhere"}}, "127", `exec: "nowhere": executable file not found in $PATH`},
		{object{"command": []string{"/etc/plain"}}, "126", `exec: "/etc/plain": permission denied`},
	} {
		m.spec = each.spec
		g := newGateway(t)
		r := m.start(g.address())
		failed := g.untilState("failed")
		r.waitOff()
		if m.guestinfo("stowage.exit") != each.code || m.guestinfo("stowage.failure") != each.message || failed["message"] != each.message {
			t.Fatalf("%v, exit %q, failure %q", failed, m.guestinfo("stowage.exit"), m.guestinfo("stowage.failure"))
		}
	}
}

func TestATerminal(t *testing.T) {
	t.Parallel()
	m := newMachine(t, object{"command": []string{"sh"}, "tty": true, "openStdin": true, "user": "ann:staff", "workingDir": "/home/ann/made"})
	g := newGateway(t)
	r := m.start(g.address())
	g.untilState("running")
	g.result("resize", object{"rows": 33, "cols": 77})
	stdin := g.open(object{"for": "stdin"})
	_, _ = io.WriteString(stdin, "stty size; tty; id; pwd; echo $TERM-$HOME-$HOSTNAME\n")
	g.untilOutput("xterm-/home/ann-c0ffee")
	for _, want := range []string{"33 77", "/dev/pts/0", "uid=1000(ann) gid=50(staff)", "/home/ann/made"} {
		if !strings.Contains(g.stdout(), want) {
			t.Errorf("no %q in %q", want, g.stdout())
		}
	}
	// What is typed while the shell still edits its line is no signal.
	_, _ = io.WriteString(stdin, "printf 'be%s\\n' gun; sleep 1000\n")
	g.untilOutput("begun")
	_, _ = io.WriteString(stdin, "\x03")
	_, _ = io.WriteString(stdin, "exit $((40+2))\n")
	exited := g.untilState("exited")
	r.waitOff()
	if exited["exitCode"] != 42.0 {
		t.Fatal(exited)
	}
}

// The container is up once, and all that needs it running is tried.
func TestARunningContainer(t *testing.T) {
	t.Parallel()
	m := newMachine(t, object{"command": []string{"sh", "-c", "trap 'echo bye; exit 9' TERM; echo ready; cat; while :; do sleep 0.1; done"}, "openStdin": true, "env": []string{"A=1", "B=2"}})
	m.addVolume("vol")
	m.spec["mounts"] = []any{object{"volume": "vol", "destination": "/vol", "access": "read-write"}}
	hot := m.addDisk(m.newFile("hot", 32<<20), false)
	g := newGateway(t)
	r := m.start(g.address())
	g.untilOutput("ready")
	stdin := g.open(object{"for": "stdin", "closes": true})
	_, _ = io.WriteString(stdin, "typed\n")
	_ = stdin.CloseWrite()
	g.untilOutput("typed")

	t.Run("exec", func(t *testing.T) { tryExec(t, g) })
	t.Run("files", func(t *testing.T) { tryFiles(t, g) })
	t.Run("calls", func(t *testing.T) { tryCalls(t, g) })
	t.Run("a hot mount", func(t *testing.T) {
		g.result("mount", object{"volume": "hot", "uuid": hot, "destination": "/hot/deep", "access": "read-write"})
		if a := g.exec(nil, "sh", "-c", "echo x > /hot/deep/f; ls /hot/deep; grep -c hot/deep /proc/mounts"); string(a.stdout) != "f\n1\n" {
			t.Fatalf("%q %q", a.stdout, a.stderr)
		}
		holder := g.open(object{"for": "exec", "id": "holder", "argv": []string{"sh", "-c", "cd /hot/deep; echo in; exec sleep 1000"}})
		told := make(chan bool, 10)
		over := make(chan answer, 1)
		go func() {
			a, _ := readPieces(holder, func(kind byte, _ []byte) { told <- kind == 1 })
			over <- a
		}()
		for !<-told {
		}
		if a := g.call("unmount", object{"uuid": hot}); !strings.Contains(fmt.Sprint(a.last), "conflict") {
			t.Fatal(a.last)
		}
		g.result("exec-signal", object{"exec": "holder", "signal": "SIGKILL"})
		if a := <-over; a.last["exitCode"] != 137.0 {
			t.Fatal(a.last)
		}
		g.result("unmount", object{"uuid": hot})
		if a := g.exec(nil, "sh", "-c", "ls /hot/deep"); len(a.stdout) != 0 {
			t.Fatalf("%q", a.stdout)
		}
	})
	t.Run("another gateway", func(t *testing.T) {
		old := g.open(object{"for": "exec", "id": "old", "argv": []string{"sh", "-c", "while :; do echo old; done"}})
		defer func() { _ = old.CloseWrite() }()
		g.replace()
		if a := g.exec(nil, "echo", "new"); string(a.stdout) != "new\n" {
			t.Fatalf("%q %v", a.stdout, a.last)
		}
	})
	g.result("stop", object{"signal": "TERM", "timeoutSeconds": 30})
	exited := g.untilState("exited")
	r.waitOff()
	if exited["exitCode"] != 9.0 || !strings.HasSuffix(g.stdout(), "bye\n") {
		t.Fatalf("%v %q", exited, g.stdout())
	}
}

func tryExec(t *testing.T, g *gateway) {
	a := g.exec(object{"env": []string{"B=3", "C=4"}, "user": "1000", "workingDir": "/tmp"}, "sh", "-c", "echo $A$B$C; pwd; id -u; id -G; echo e >&2; exit 5")
	if string(a.stdout) != "134\n/tmp\n1000\n1000 50\n" || string(a.stderr) != "e\n" || a.last["exitCode"] != 5.0 || len(a.onWay) != 1 {
		t.Errorf("%q %q %v %v", a.stdout, a.stderr, a.last, a.onWay)
	}
	if a := g.exec(nil, "nowhere"); a.last["exitCode"] != 127.0 || !strings.Contains(fmt.Sprint(a.last), "executable file not found in $PATH") {
		t.Error(a.last)
	}
	if a := g.exec(object{"user": "nobody-here"}, "id"); !strings.Contains(fmt.Sprint(a.last), "unable to find user nobody-here: no matching entries in passwd file") {
		t.Error(a.last)
	}
	if a := g.exec(object{"tty": true, "rows": 20, "cols": 40}, "sh", "-c", "tty; stty size"); string(a.stdout) != "/dev/pts/0\r\n20 40\r\n" {
		t.Errorf("%q %q %v", a.stdout, a.stderr, a.last)
	}
	input := strings.Repeat("0123456789abcdef", 20000)
	if a := g.ask(object{"for": "exec", "id": "in", "argv": []string{"cat"}, "stdin": true}, []byte(input)); string(a.stdout) != input {
		t.Errorf("%d bytes of %d came back: %v", len(a.stdout), len(input), a.last)
	}
	if a := g.exec(nil, "sh", "-c", "mount -t tmpfs x /tmp; echo 1 > /proc/sys/vm/swappiness; echo $?; cat /proc/1/cmdline | head -c 2; grep CapEff /proc/self/status"); !strings.Contains(string(a.stdout), "1\nsh") || !strings.Contains(string(a.stdout), "00000000a80425fb") {
		t.Errorf("what Docker forbids: %q %q", a.stdout, a.stderr)
	}
	var group sync.WaitGroup
	for number := range 50 {
		group.Go(func() {
			a := g.ask(object{"for": "exec", "id": fmt.Sprint("many", number), "argv": []string{"sh", "-c", fmt.Sprintf("echo %d; exit %d", number, number)}}, nil)
			if string(a.stdout) != fmt.Sprintln(number) || a.last["exitCode"] != float64(number) {
				t.Errorf("%d: %q %v", number, a.stdout, a.last)
			}
		})
	}
	group.Wait()
}

func tryCalls(t *testing.T, g *gateway) {
	top := g.result("top", object{"psArgs": "-ef"})
	if text := fmt.Sprint(top); !strings.Contains(text, "[UID PID PPID C STIME TTY TIME CMD]") || !strings.Contains(text, "trap 'echo bye; exit 9' TERM") {
		t.Error(text)
	}
	stats := g.result("stats", nil)
	for _, name := range []string{"cpuUsec", "systemUsec", "cpus", "memoryBytes", "memoryLimitBytes", "pids"} {
		if number, is := stats[name].(float64); !is || number <= 0 {
			t.Errorf("%s is %v", name, stats[name])
		}
	}
	if a := g.call("resize", object{"rows": 1, "cols": 1}); !strings.Contains(fmt.Sprint(a.last), "conflict") {
		t.Error(a.last)
	}
	if a := g.call("nonsense", nil); !strings.Contains(fmt.Sprint(a.last), "invalid") {
		t.Error(a.last)
	}
	if state := g.result("state", nil); state["state"] != "running" {
		t.Error(state)
	}
}

func TestWhatIsNotToldWellEndsTheMachine(t *testing.T) {
	t.Parallel()
	m := newMachine(t, object{"command": "not a list"})
	r := m.start(newGateway(t).address())
	r.waitOff()
	if failure := m.guestinfo("stowage.failure"); m.guestinfo("stowage.exit") != "125" || !strings.Contains(failure, "guestinfo.stowage.container") {
		t.Fatal(failure)
	}
}
