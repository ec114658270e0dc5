package host

import (
	"context"
	"os"
	"os/exec"
	"strings"
	"time"
)

// trialTime is how long a kernel under KVM may take to say its first word: far more than it needs.
const trialTime = 10 * time.Second

// chooseAccelerator is kvm where it works. That /dev/kvm opens does not say so: under PVM the kernel of a guest hangs or QEMU aborts. Hence
// the processor must have virtualization, and a kernel must speak.
func chooseAccelerator(c *Config) string {
	if text, _ := os.ReadFile("/proc/cpuinfo"); !hasVirtualization(string(text)) {
		return "tcg"
	}
	if f, err := os.OpenFile("/dev/kvm", os.O_RDWR, 0); err != nil {
		return "tcg"
	} else {
		_ = f.Close()
	}
	ctx, cancel := context.WithTimeout(context.Background(), trialTime)
	defer cancel()
	trial := exec.CommandContext(ctx, c.QEMU, "-nodefaults", "-no-user-config", "-display", "none", "-M", "q35", "-cpu", "max", "-accel", "kvm",
		"-m", "128", "-no-reboot", "-kernel", c.kernel(), "-append", "console=ttyS0 panic=-1 reboot=t", "-serial", "stdio")
	out, err := trial.StdoutPipe()
	if err != nil || trial.Start() != nil {
		return "tcg"
	}
	first := make([]byte, 1)
	n, _ := out.Read(first)
	cancel()
	_ = trial.Wait()
	if n == 0 {
		return "tcg"
	}
	return "kvm"
}

func hasVirtualization(cpuinfo string) bool {
	for _, line := range strings.Split(cpuinfo, "\n") {
		if flags, ok := strings.CutPrefix(line, "flags"); ok {
			return strings.Contains(flags+" ", " vmx ") || strings.Contains(flags+" ", " svm ")
		}
	}
	return false
}
