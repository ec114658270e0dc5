package host

import (
	"bufio"
	"net"
	"strings"
	"time"
)

const (
	maxCommand = 1 << 17 // bytes of a line
	maxValue   = 1 << 16 // bytes that a guest may set, as on ESXi (tools.setInfo.sizeLimit is larger)
	answerTime = 10 * time.Second
)

// serveRPC answers the guest's commands, a line each, until the connection ends. See guest/PROTOCOL.md.
func serveRPC(conn net.Conn, owner Owner, heard func()) {
	lines := bufio.NewScanner(conn)
	lines.Buffer(make([]byte, 4096), maxCommand)
	for lines.Scan() {
		heard()
		reply := answerRPC(owner, strings.TrimRight(lines.Text(), "\r"))
		_ = conn.SetWriteDeadline(time.Now().Add(answerTime))
		if _, err := conn.Write([]byte(reply + "\n")); err != nil {
			return
		}
	}
}

func answerRPC(owner Owner, line string) string {
	command, rest, _ := strings.Cut(line, " ")
	switch command {
	case "info-get":
		if value, ok := owner.Info(strings.TrimSpace(rest)); ok && !strings.Contains(value, "\n") {
			return "1 " + value
		}
		return "0 No value found"
	case "info-set":
		key, value, _ := strings.Cut(strings.TrimLeft(rest, " "), " ")
		if !strings.HasPrefix(key, "guestinfo.") {
			return "0 Permission denied"
		}
		if len(value) > maxValue {
			return "0 Value too long"
		}
		if err := owner.SetInfo(key, value); err != nil {
			return "0 " + strings.ReplaceAll(err.Error(), "\n", " ")
		}
		return "1 "
	}
	return "0 Unknown command"
}
