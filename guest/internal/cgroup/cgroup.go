// Package cgroup limits the container and counts what it uses.
package cgroup

import (
	"bufio"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// Path is where the container's group is.
const Path = "/sys/fs/cgroup/container"

// reserveBytes are kept from the container, for the agent and the kernel: else the machine runs out of memory, and not the container.
const reserveBytes = 24 << 20

// Make makes the group; the file is its directory, for processes to be started in.
func Make(memoryBytes, nanoCPUs, pids int64) (*os.File, error) {
	if err := os.WriteFile("/sys/fs/cgroup/cgroup.subtree_control", []byte("+cpu +memory +pids +io"), 0o644); err != nil {
		return nil, fmt.Errorf("cgroup controllers: %w", err)
	}
	if err := os.MkdirAll(Path, 0o755); err != nil {
		return nil, err
	}
	if limit := memoryLimit(memoryBytes); limit > 0 {
		if err := write("memory.max", strconv.FormatInt(limit, 10)); err != nil {
			return nil, err
		}
	}
	if nanoCPUs > 0 {
		if err := write("cpu.max", fmt.Sprintf("%d 100000", max(1000, nanoCPUs/10_000))); err != nil {
			return nil, err
		}
	}
	if pids > 0 {
		if err := write("pids.max", strconv.FormatInt(pids, 10)); err != nil {
			return nil, err
		}
	}
	return os.Open(Path)
}

func write(name, value string) error { return os.WriteFile(Path+"/"+name, []byte(value), 0o644) }

func memoryLimit(asked int64) int64 {
	limit := Fields("/proc/meminfo")["MemTotal:"]<<10 - reserveBytes
	if asked > 0 {
		limit = min(limit, asked)
	}
	return limit
}

// Fields reads lines of a name and a number.
func Fields(path string) map[string]int64 {
	fields := map[string]int64{}
	file, err := os.Open(path)
	if err != nil {
		return fields
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		words := strings.Fields(lines.Text())
		if len(words) >= 2 {
			fields[words[0]], _ = strconv.ParseInt(words[1], 10, 64)
		}
	}
	return fields
}

// Number reads a file of one number; `max` is 0.
func Number(name string) int64 {
	text, _ := os.ReadFile(Path + "/" + name)
	value, _ := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	return value
}

// OOMKilled says whether a process of the container was ended for lack of memory.
func OOMKilled() bool { return Fields(Path + "/memory.events")["oom_kill"] > 0 }

// PIDs gives all processes of the container, by the machine's numbers.
func PIDs() []int {
	text, _ := os.ReadFile(Path + "/cgroup.procs")
	var pids []int
	for _, each := range strings.Fields(string(text)) {
		if pid, err := strconv.Atoi(each); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}
