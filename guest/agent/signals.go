package main

import (
	"strconv"
	"strings"
	"syscall"
)

var signals = map[string]syscall.Signal{
	"HUP": 1, "INT": 2, "QUIT": 3, "ILL": 4, "TRAP": 5, "ABRT": 6, "IOT": 6, "BUS": 7, "FPE": 8, "KILL": 9, "USR1": 10, "SEGV": 11, "USR2": 12,
	"PIPE": 13, "ALRM": 14, "TERM": 15, "STKFLT": 16, "CHLD": 17, "CLD": 17, "CONT": 18, "STOP": 19, "TSTP": 20, "TTIN": 21, "TTOU": 22,
	"URG": 23, "XCPU": 24, "XFSZ": 25, "VTALRM": 26, "PROF": 27, "WINCH": 28, "IO": 29, "POLL": 29, "PWR": 30, "SYS": 31,
}

const (
	firstRealTime = 34
	lastRealTime  = 64
)

// parseSignal takes `HUP`, `SIGHUP`, `RTMIN+3` or a number.
func parseSignal(text string) (syscall.Signal, error) {
	if number, err := strconv.Atoi(text); err == nil {
		if number < 1 || number > lastRealTime {
			return 0, invalid("invalid signal: " + text)
		}
		return syscall.Signal(number), nil
	}
	name := strings.TrimPrefix(strings.ToUpper(text), "SIG")
	if sig, is := signals[name]; is {
		return sig, nil
	}
	for prefix, base := range map[string]int{"RTMIN": firstRealTime, "RTMAX": lastRealTime} {
		rest, is := strings.CutPrefix(name, prefix)
		if !is {
			continue
		}
		offset, err := strconv.Atoi(rest)
		if rest != "" && err != nil {
			continue
		}
		if number := base + offset; number >= firstRealTime && number <= lastRealTime {
			return syscall.Signal(number), nil
		}
	}
	return 0, invalid("invalid signal: " + text)
}
