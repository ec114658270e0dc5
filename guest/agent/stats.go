package main

import (
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	"stowage/guest/internal/cgroup"
)

type traffic struct {
	RxBytes   int64 `json:"rxBytes"`
	RxPackets int64 `json:"rxPackets"`
	TxBytes   int64 `json:"txBytes"`
	TxPackets int64 `json:"txPackets"`
}

type stats struct {
	CPUUsec           int64              `json:"cpuUsec"`
	CPUUserUsec       int64              `json:"cpuUserUsec"`
	CPUSystemUsec     int64              `json:"cpuSystemUsec"`
	SystemUsec        int64              `json:"systemUsec"`
	CPUs              int                `json:"cpus"`
	MemoryBytes       int64              `json:"memoryBytes"`
	MemoryLimitBytes  int64              `json:"memoryLimitBytes"`
	InactiveFileBytes int64              `json:"inactiveFileBytes"`
	PIDs              int64              `json:"pids"`
	ReadBytes         int64              `json:"readBytes"`
	WriteBytes        int64              `json:"writeBytes"`
	Networks          map[string]traffic `json:"networks"`
}

// stats is what the container has used since it began.
func (m *machine) stats() stats {
	cpu := cgroup.Fields(cgroup.Path + "/cpu.stat")
	s := stats{
		CPUUsec: cpu["usage_usec"], CPUUserUsec: cpu["user_usec"], CPUSystemUsec: cpu["system_usec"],
		SystemUsec: systemUsec(), CPUs: runtime.NumCPU(),
		MemoryBytes: cgroup.Number("memory.current"), MemoryLimitBytes: cgroup.Number("memory.max"),
		InactiveFileBytes: cgroup.Fields(cgroup.Path + "/memory.stat")["inactive_file"], PIDs: cgroup.Number("pids.current"),
		Networks: map[string]traffic{},
	}
	s.ReadBytes, s.WriteBytes = transferred()
	interfaces, _ := filepath.Glob("/sys/class/net/*/device")
	for _, each := range interfaces {
		directory := filepath.Dir(each)
		number := func(name string) int64 { return readNumber(directory + "/statistics/" + name) }
		s.Networks[filepath.Base(directory)] = traffic{number("rx_bytes"), number("rx_packets"), number("tx_bytes"), number("tx_packets")}
	}
	return s
}

func readNumber(path string) int64 {
	text, _ := os.ReadFile(path)
	value, _ := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	return value
}

// systemUsec is all time of all processors, of /proc/stat, in hundredths of a second there.
func systemUsec() int64 {
	text, _ := os.ReadFile("/proc/stat")
	line, _, _ := strings.Cut(string(text), "\n")
	var sum int64
	for at, each := range strings.Fields(line) {
		// User, nice, system, idle, iowait, irq, softirq: what follows is in these already.
		if at >= 1 && at <= 7 {
			ticks, _ := strconv.ParseInt(each, 10, 64)
			sum += ticks
		}
	}
	return sum * 10_000
}

// transferred adds io.stat up: `8:0 rbytes=1 wbytes=2 …`, a line for each device.
func transferred() (read, written int64) {
	text, _ := os.ReadFile(cgroup.Path + "/io.stat")
	for _, each := range strings.Fields(string(text)) {
		key, value, _ := strings.Cut(each, "=")
		number, _ := strconv.ParseInt(value, 10, 64)
		switch key {
		case "rbytes":
			read += number
		case "wbytes":
			written += number
		}
	}
	return read, written
}
