package contain

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"unsafe"

	"stowage/guest/internal/spec"
)

// capabilityNames in the order of linux/capability.h.
var capabilityNames = strings.Fields(`CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE
	NET_BIND_SERVICE NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN
	SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE MAC_ADMIN SYSLOG
	WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE`)

var defaultCapabilities = strings.Fields(`CHOWN DAC_OVERRIDE FSETID FOWNER MKNOD NET_RAW SETGID SETUID SETFCAP SETPCAP NET_BIND_SERVICE
	SYS_CHROOT KILL AUDIT_WRITE`)

// AllCapabilities is what a privileged container has.
func AllCapabilities() uint64 { return 1<<len(capabilityNames) - 1 }

// Capabilities gives Docker's, with some more and some less.
func Capabilities(privileged bool, add, drop []string) uint64 {
	if privileged {
		return AllCapabilities()
	}
	set := maskOf(defaultCapabilities)
	// ALL first, as Docker has it: `--cap-drop ALL --cap-add X` is X alone.
	if has(drop, "ALL") {
		set = 0
	}
	if has(add, "ALL") {
		set = AllCapabilities()
	}
	return set&^maskOf(drop) | maskOf(add)
}

func has(names []string, wanted string) bool {
	for _, each := range names {
		if strings.EqualFold(each, wanted) {
			return true
		}
	}
	return false
}

func maskOf(names []string) uint64 {
	var mask uint64
	for _, each := range names {
		name := strings.TrimPrefix(strings.ToUpper(each), "CAP_")
		for bit, known := range capabilityNames {
			if known == name {
				mask |= 1 << bit
			}
		}
	}
	return mask
}

// Of linux/prctl.h.
const (
	prCapbsetDrop   = 24
	prSetNoNewPrivs = 38
)

// takeRights is of this thread alone, which executes the program.
func takeRights(order Order, who account) error {
	for bit := range capabilityNames {
		if order.Capabilities&(1<<bit) == 0 {
			// EINVAL: a capability that this kernel does not have.
			if _, _, errno := syscall.RawSyscall(syscall.SYS_PRCTL, prCapbsetDrop, uintptr(bit), 0); errno != 0 && errno != syscall.EINVAL {
				return os.NewSyscallError("prctl", errno)
			}
		}
	}
	groups := unsafe.Pointer(&who.gid)
	if len(who.groups) > 0 {
		groups = unsafe.Pointer(&who.groups[0])
	}
	if _, _, errno := syscall.RawSyscall(syscall.SYS_SETGROUPS, uintptr(len(who.groups)), uintptr(groups), 0); errno != 0 {
		return os.NewSyscallError("setgroups", errno)
	}
	if _, _, errno := syscall.RawSyscall(syscall.SYS_SETRESGID, uintptr(who.gid), uintptr(who.gid), uintptr(who.gid)); errno != 0 {
		return os.NewSyscallError("setgid", errno)
	}
	if _, _, errno := syscall.RawSyscall(syscall.SYS_SETRESUID, uintptr(who.uid), uintptr(who.uid), uintptr(who.uid)); errno != 0 {
		return os.NewSyscallError("setuid", errno)
	}
	if who.uid == 0 {
		if err := setCapabilities(order.Capabilities); err != nil {
			return err
		}
	}
	if order.NoNewPrivs {
		if _, _, errno := syscall.RawSyscall6(syscall.SYS_PRCTL, prSetNoNewPrivs, 1, 0, 0, 0, 0); errno != 0 {
			return os.NewSyscallError("prctl", errno)
		}
	}
	return nil
}

func setCapabilities(mask uint64) error {
	const version3 = 0x20080522
	head := struct {
		version uint32
		pid     int32
	}{version: version3}
	last, _ := os.ReadFile("/proc/sys/kernel/cap_last_cap")
	var highest uint
	if _, err := fmt.Sscan(string(last), &highest); err == nil && highest < 63 {
		mask &= 1<<(highest+1) - 1
	}
	low, high := uint32(mask), uint32(mask>>32)
	data := [6]uint32{low, low, 0, high, high, 0} // effective, permitted, inheritable
	if _, _, errno := syscall.RawSyscall(syscall.SYS_CAPSET, uintptr(unsafe.Pointer(&head)), uintptr(unsafe.Pointer(&data)), 0); errno != 0 {
		return os.NewSyscallError("capset", errno)
	}
	return nil
}

// limits by Docker's names, of asm-generic/resource.h.
var limits = map[string]int{
	"cpu": 0, "fsize": 1, "data": 2, "stack": 3, "core": 4, "rss": 5, "nproc": 6, "nofile": 7, "memlock": 8, "as": 9, "locks": 10,
	"sigpending": 11, "msgqueue": 12, "nice": 13, "rtprio": 14, "rttime": 15,
}

func limitResources(own []spec.Ulimit) error {
	all := append([]spec.Ulimit{{Name: "nofile", Soft: 1 << 20, Hard: 1 << 20}, {Name: "nproc", Soft: -1, Hard: -1}}, own...)
	for _, each := range all {
		number, is := limits[each.Name]
		if !is {
			return fail(codeNotStarted, "wrong rlimit value: %s", each.Name)
		}
		if err := syscall.Setrlimit(number, &syscall.Rlimit{Cur: uint64(each.Soft), Max: uint64(each.Hard)}); err != nil {
			return fail(codeNotStarted, "error setting rlimit %s: %v", each.Name, err)
		}
	}
	return nil
}
