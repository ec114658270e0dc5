package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"stowage/guest/internal/cgroup"
	"stowage/guest/internal/rootfs"
)

type table struct {
	Titles    []string   `json:"titles"`
	Processes [][]string `json:"processes"`
}

// processInfo is of one process, from /proc.
type processInfo struct {
	pid, ppid     int
	uid           string
	state, tty    string
	command, args string
	cpu           time.Duration
	startedAt     time.Time
	virtualKiB    int64
	residentKiB   int64
}

const ticksPerSecond = 100

// columns by their names in ps(1), with their titles there.
var columns = map[string]struct {
	title string
	of    func(processInfo) string
}{
	"user":    {"USER", func(p processInfo) string { return p.uid }},
	"uid":     {"UID", func(p processInfo) string { return p.uid }},
	"pid":     {"PID", func(p processInfo) string { return strconv.Itoa(p.pid) }},
	"ppid":    {"PPID", func(p processInfo) string { return strconv.Itoa(p.ppid) }},
	"c":       {"C", func(p processInfo) string { return strconv.Itoa(int(p.percent())) }},
	"pcpu":    {"%CPU", func(p processInfo) string { return fmt.Sprintf("%.1f", p.percent()) }},
	"pmem":    {"%MEM", func(p processInfo) string { return fmt.Sprintf("%.1f", p.memoryPercent()) }},
	"vsz":     {"VSZ", func(p processInfo) string { return strconv.FormatInt(p.virtualKiB, 10) }},
	"rss":     {"RSS", func(p processInfo) string { return strconv.FormatInt(p.residentKiB, 10) }},
	"tty":     {"TTY", func(p processInfo) string { return p.tty }},
	"stat":    {"STAT", func(p processInfo) string { return p.state }},
	"stime":   {"STIME", func(p processInfo) string { return p.startedAt.Format("15:04") }},
	"start":   {"START", func(p processInfo) string { return p.startedAt.Format("15:04") }},
	"time":    {"TIME", func(p processInfo) string { return clock(p.cpu) }},
	"comm":    {"COMMAND", func(p processInfo) string { return p.command }},
	"cmd":     {"CMD", func(p processInfo) string { return p.args }},
	"args":    {"COMMAND", func(p processInfo) string { return p.args }},
	"command": {"COMMAND", func(p processInfo) string { return p.args }},
}

// aliases are other names of columns.
var aliases = map[string]string{"%cpu": "pcpu", "%mem": "pmem", "tt": "tty", "tname": "tty", "state": "stat", "s": "stat", "cputime": "time", "ucmd": "comm", "euser": "user"}

// chosen gives the columns for arguments of ps.
func chosen(arguments string) ([]string, error) {
	words := strings.Fields(arguments)
	if len(words) == 0 {
		words = []string{"-ef"}
	}
	var names []string
	for at := 0; at < len(words); at++ {
		word := strings.TrimPrefix(words[at], "-")
		list, isList := strings.CutPrefix(word, "o")
		if flags, after, is := strings.Cut(word, "o"); is && strings.Trim(flags, "aex") == "" {
			list, isList = after, true
		}
		if !isList {
			continue
		}
		if list == "" && at+1 < len(words) {
			at++
			list = words[at]
		}
		for each := range strings.SplitSeq(list, ",") {
			name := strings.ToLower(strings.TrimSpace(each))
			if other, is := aliases[name]; is {
				name = other
			}
			if _, is := columns[name]; !is {
				return nil, invalid("ps: unknown column " + each)
			}
			names = append(names, name)
		}
	}
	if names != nil {
		return names, nil
	}
	if strings.Contains(words[0], "u") {
		return strings.Fields("user pid pcpu pmem vsz rss tty stat start time command"), nil
	}
	return strings.Fields("uid pid ppid c stime tty time cmd"), nil
}

// top is what ps would show of the container's processes.
func (m *machine) top(arguments string) (table, error) {
	names, err := chosen(arguments)
	if err != nil {
		return table{}, err
	}
	t := table{Processes: [][]string{}}
	for _, each := range names {
		t.Titles = append(t.Titles, columns[each].title)
	}
	users := userNames()
	for _, pid := range cgroup.PIDs() {
		info, err := readProcess(pid)
		if err != nil {
			continue // it has ended
		}
		if name, is := users[info.uid]; is {
			info.uid = name
		}
		var row []string
		for _, each := range names {
			row = append(row, columns[each].of(info))
		}
		t.Processes = append(t.Processes, row)
	}
	return t, nil
}

func userNames() map[string]string {
	names := map[string]string{}
	path, err := rootfs.Resolve(rootfs.Root, "/etc/passwd")
	if err != nil {
		return names
	}
	text, _ := os.ReadFile(path)
	for line := range strings.SplitSeq(string(text), "\n") {
		if fields := strings.Split(line, ":"); len(fields) > 2 && names[fields[2]] == "" {
			names[fields[2]] = fields[0]
		}
	}
	return names
}

// readProcess reads /proc/<pid>/stat; proc(5) numbers its fields from 1.
func readProcess(pid int) (processInfo, error) {
	directory := fmt.Sprintf("/proc/%d", pid)
	p := processInfo{pid: pid, tty: "?"}
	text, err := os.ReadFile(directory + "/stat")
	if err != nil {
		return p, err
	}
	open, end := strings.IndexByte(string(text), '('), strings.LastIndexByte(string(text), ')')
	if open < 0 || end < open {
		return p, syscall.EINVAL
	}
	p.command = string(text[open+1 : end])
	fields := strings.Fields(string(text[end+1:])) // from the third on
	if len(fields) < 22 {
		return p, syscall.EINVAL
	}
	number := func(field int) int64 {
		value, _ := strconv.ParseInt(fields[field-3], 10, 64)
		return value
	}
	p.state, p.ppid = fields[0], int(number(4))
	if terminal := number(7); terminal != 0 {
		const firstPTS = 136
		p.tty = fmt.Sprintf("pts/%d", terminal&0xff|(terminal>>8-firstPTS)<<8)
	}
	p.cpu = time.Duration(number(14)+number(15)) * time.Second / ticksPerSecond
	var now syscall.Sysinfo_t
	_ = syscall.Sysinfo(&now)
	p.startedAt = time.Now().Add(-time.Duration(now.Uptime) * time.Second).Add(time.Duration(number(22)) * time.Second / ticksPerSecond)
	p.virtualKiB, p.residentKiB = number(23)/1024, number(24)*int64(os.Getpagesize())/1024
	var stat syscall.Stat_t
	if err := syscall.Stat(directory, &stat); err == nil {
		p.uid = strconv.Itoa(int(stat.Uid))
	}
	arguments, _ := os.ReadFile(directory + "/cmdline")
	p.args = strings.TrimSpace(strings.ReplaceAll(string(arguments), "\x00", " "))
	if p.args == "" {
		p.args = "[" + p.command + "]"
	}
	return p, nil
}

func (p processInfo) percent() float64 {
	if life := time.Since(p.startedAt); life > 0 {
		return 100 * float64(p.cpu) / float64(max(life, time.Second))
	}
	return 0
}

func (p processInfo) memoryPercent() float64 {
	total := cgroup.Fields("/proc/meminfo")["MemTotal:"]
	return 100 * float64(p.residentKiB) / float64(max(total, 1))
}

func clock(d time.Duration) string {
	s := int(d.Seconds())
	return fmt.Sprintf("%02d:%02d:%02d", s/3600, s/60%60, s%60)
}
